package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

public enum SchemaVersion {
    THE_1;

    @JsonValue
    public String toValue() {
        switch (this) {
            case THE_1: return "1";
        }
        return null;
    }

    @JsonCreator
    public static SchemaVersion forValue(String value) throws IOException {
        if (value.equals("1")) return THE_1;
        throw new IOException("Cannot deserialize SchemaVersion");
    }
}
