package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

/**
 * whether the provider told us, or was asked
 */
public enum ObservedVia {
    POLL, WEBHOOK;

    @JsonValue
    public String toValue() {
        switch (this) {
            case POLL: return "poll";
            case WEBHOOK: return "webhook";
        }
        return null;
    }

    @JsonCreator
    public static ObservedVia forValue(String value) throws IOException {
        if (value.equals("poll")) return POLL;
        if (value.equals("webhook")) return WEBHOOK;
        throw new IOException("Cannot deserialize ObservedVia");
    }
}
