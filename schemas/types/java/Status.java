package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

/**
 * the one vocabulary of all providers
 */
public enum Status {
    CANCELLED, COMPLETED, EXCHANGED, EXPIRED, FAILED, PENDING, PROCESSING, REJECTED, SENDING, VERIFIED;

    @JsonValue
    public String toValue() {
        switch (this) {
            case CANCELLED: return "cancelled";
            case COMPLETED: return "completed";
            case EXCHANGED: return "exchanged";
            case EXPIRED: return "expired";
            case FAILED: return "failed";
            case PENDING: return "pending";
            case PROCESSING: return "processing";
            case REJECTED: return "rejected";
            case SENDING: return "sending";
            case VERIFIED: return "verified";
        }
        return null;
    }

    @JsonCreator
    public static Status forValue(String value) throws IOException {
        if (value.equals("cancelled")) return CANCELLED;
        if (value.equals("completed")) return COMPLETED;
        if (value.equals("exchanged")) return EXCHANGED;
        if (value.equals("expired")) return EXPIRED;
        if (value.equals("failed")) return FAILED;
        if (value.equals("pending")) return PENDING;
        if (value.equals("processing")) return PROCESSING;
        if (value.equals("rejected")) return REJECTED;
        if (value.equals("sending")) return SENDING;
        if (value.equals("verified")) return VERIFIED;
        throw new IOException("Cannot deserialize Status");
    }
}
