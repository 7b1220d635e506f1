import exchange.events.Converter;
import exchange.events.StatusEvent;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads records from files, as a consumer in Java would, and writes each back as a line of JSON. */
public class Read {
    public static void main(String[] paths) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String path : paths) {
            String text = Files.readString(Path.of(path));
            if (path.contains("quarantine")) {
                out.println(Converter.QuarantineRecordToJsonString(Converter.QuarantineRecordFromJsonString(text)));
                continue;
            }
            StatusEvent event = Converter.StatusEventFromJsonString(text);
            if (event.getSpent() != null && event.getSpent().getAmount() != null) {
                new java.math.BigDecimal(event.getSpent().getAmount());
            }
            out.println(Converter.StatusEventToJsonString(event));
        }
    }
}
