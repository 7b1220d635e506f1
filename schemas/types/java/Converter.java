// To use this code, add the following Maven dependency to your project:
//
//
//     com.fasterxml.jackson.core     : jackson-databind          : 2.9.0
//     com.fasterxml.jackson.datatype : jackson-datatype-jsr310   : 2.9.0
//
// Import this package:
//
//     import exchange.events.Converter;
//
// Then you can deserialize a JSON string with
//
//     StatusEvent data = Converter.StatusEventFromJsonString(jsonString);
//     QuarantineRecord data = Converter.QuarantineRecordFromJsonString(jsonString);

package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.databind.*;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.*;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;

public class Converter {
    // Date-time helpers

    private static final DateTimeFormatter DATE_TIME_FORMATTER = new DateTimeFormatterBuilder()
            .appendOptional(DateTimeFormatter.ISO_DATE_TIME)
            .appendOptional(DateTimeFormatter.ISO_OFFSET_DATE_TIME)
            .appendOptional(DateTimeFormatter.ISO_INSTANT)
            .appendOptional(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SX"))
            .appendOptional(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ssX"))
            .appendOptional(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss"))
            .toFormatter()
            .withZone(ZoneOffset.UTC);

    public static OffsetDateTime parseDateTimeString(String str) {
        return ZonedDateTime.from(Converter.DATE_TIME_FORMATTER.parse(str)).toOffsetDateTime();
    }

    private static final DateTimeFormatter TIME_FORMATTER = new DateTimeFormatterBuilder()
            .appendOptional(DateTimeFormatter.ISO_TIME)
            .appendOptional(DateTimeFormatter.ISO_OFFSET_TIME)
            .parseDefaulting(ChronoField.YEAR, 2020)
            .parseDefaulting(ChronoField.MONTH_OF_YEAR, 1)
            .parseDefaulting(ChronoField.DAY_OF_MONTH, 1)
            .toFormatter()
            .withZone(ZoneOffset.UTC);

    public static OffsetTime parseTimeString(String str) {
        return ZonedDateTime.from(Converter.TIME_FORMATTER.parse(str)).toOffsetDateTime().toOffsetTime();
    }
    // Serialize/deserialize helpers

    public static StatusEvent StatusEventFromJsonString(String json) throws IOException {
        return getStatusEventObjectReader().readValue(json);
    }

    public static String StatusEventToJsonString(StatusEvent obj) throws JsonProcessingException {
        return getStatusEventObjectWriter().writeValueAsString(obj);
    }

    public static QuarantineRecord QuarantineRecordFromJsonString(String json) throws IOException {
        return getQuarantineRecordObjectReader().readValue(json);
    }

    public static String QuarantineRecordToJsonString(QuarantineRecord obj) throws JsonProcessingException {
        return getQuarantineRecordObjectWriter().writeValueAsString(obj);
    }

    private static ObjectReader StatusEventReader;
    private static ObjectWriter StatusEventWriter;

    private static void instantiateStatusEventMapper() {
        ObjectMapper mapper = new ObjectMapper();
        mapper.findAndRegisterModules();
        mapper.configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
        mapper.configure(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS, false);
        SimpleModule module = new SimpleModule();
        module.addDeserializer(OffsetDateTime.class, new JsonDeserializer<OffsetDateTime>() {
            @Override
            public OffsetDateTime deserialize(JsonParser jsonParser, DeserializationContext deserializationContext) throws IOException, JsonProcessingException {
                String value = jsonParser.getText();
                return Converter.parseDateTimeString(value);
            }
        });
        mapper.registerModule(module);
        StatusEventReader = mapper.readerFor(StatusEvent.class);
        StatusEventWriter = mapper.writerFor(StatusEvent.class);
    }

    private static ObjectReader getStatusEventObjectReader() {
        if (StatusEventReader == null) instantiateStatusEventMapper();
        return StatusEventReader;
    }

    private static ObjectWriter getStatusEventObjectWriter() {
        if (StatusEventWriter == null) instantiateStatusEventMapper();
        return StatusEventWriter;
    }

    private static ObjectReader QuarantineRecordReader;
    private static ObjectWriter QuarantineRecordWriter;

    private static void instantiateQuarantineRecordMapper() {
        ObjectMapper mapper = new ObjectMapper();
        mapper.findAndRegisterModules();
        mapper.configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
        mapper.configure(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS, false);
        SimpleModule module = new SimpleModule();
        module.addDeserializer(OffsetDateTime.class, new JsonDeserializer<OffsetDateTime>() {
            @Override
            public OffsetDateTime deserialize(JsonParser jsonParser, DeserializationContext deserializationContext) throws IOException, JsonProcessingException {
                String value = jsonParser.getText();
                return Converter.parseDateTimeString(value);
            }
        });
        mapper.registerModule(module);
        QuarantineRecordReader = mapper.readerFor(QuarantineRecord.class);
        QuarantineRecordWriter = mapper.writerFor(QuarantineRecord.class);
    }

    private static ObjectReader getQuarantineRecordObjectReader() {
        if (QuarantineRecordReader == null) instantiateQuarantineRecordMapper();
        return QuarantineRecordReader;
    }

    private static ObjectWriter getQuarantineRecordObjectWriter() {
        if (QuarantineRecordWriter == null) instantiateQuarantineRecordMapper();
        return QuarantineRecordWriter;
    }
}
