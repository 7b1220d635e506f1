package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

/**
 * why a callback is in quarantine: of the reasons that hold, the first in this order
 */
public enum Reason {
    ACCOUNT_MISMATCH, INTERNAL_ERROR, NOT_JSON, NOT_UTF8, SCHEMA, TOO_LARGE_FOR_BROKER, UNKNOWN_KIND, UNKNOWN_STATUS;

    @JsonValue
    public String toValue() {
        switch (this) {
            case ACCOUNT_MISMATCH: return "account_mismatch";
            case INTERNAL_ERROR: return "internal_error";
            case NOT_JSON: return "not_json";
            case NOT_UTF8: return "not_utf8";
            case SCHEMA: return "schema";
            case TOO_LARGE_FOR_BROKER: return "too_large_for_broker";
            case UNKNOWN_KIND: return "unknown_kind";
            case UNKNOWN_STATUS: return "unknown_status";
        }
        return null;
    }

    @JsonCreator
    public static Reason forValue(String value) throws IOException {
        if (value.equals("account_mismatch")) return ACCOUNT_MISMATCH;
        if (value.equals("internal_error")) return INTERNAL_ERROR;
        if (value.equals("not_json")) return NOT_JSON;
        if (value.equals("not_utf8")) return NOT_UTF8;
        if (value.equals("schema")) return SCHEMA;
        if (value.equals("too_large_for_broker")) return TOO_LARGE_FOR_BROKER;
        if (value.equals("unknown_kind")) return UNKNOWN_KIND;
        if (value.equals("unknown_status")) return UNKNOWN_STATUS;
        throw new IOException("Cannot deserialize Reason");
    }
}
