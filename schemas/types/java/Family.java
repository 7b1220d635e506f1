package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

/**
 * what kind of business an operation is; each has a topic of its own
 */
public enum Family {
    DEPOSIT, EXCHANGE, INVOICE, PAYOUT;

    @JsonValue
    public String toValue() {
        switch (this) {
            case DEPOSIT: return "deposit";
            case EXCHANGE: return "exchange";
            case INVOICE: return "invoice";
            case PAYOUT: return "payout";
        }
        return null;
    }

    @JsonCreator
    public static Family forValue(String value) throws IOException {
        if (value.equals("deposit")) return DEPOSIT;
        if (value.equals("exchange")) return EXCHANGE;
        if (value.equals("invoice")) return INVOICE;
        if (value.equals("payout")) return PAYOUT;
        throw new IOException("Cannot deserialize Family");
    }
}
