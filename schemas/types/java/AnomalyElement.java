package exchange.events;

import java.io.IOException;
import com.fasterxml.jackson.annotation.*;

/**
 * what was unusual about this news
 */
public enum AnomalyElement {
    AMENDED, CONFLICT, KIND_MISSING, LATE, PARTIAL;

    @JsonValue
    public String toValue() {
        switch (this) {
            case AMENDED: return "amended";
            case CONFLICT: return "conflict";
            case KIND_MISSING: return "kind_missing";
            case LATE: return "late";
            case PARTIAL: return "partial";
        }
        return null;
    }

    @JsonCreator
    public static AnomalyElement forValue(String value) throws IOException {
        if (value.equals("amended")) return AMENDED;
        if (value.equals("conflict")) return CONFLICT;
        if (value.equals("kind_missing")) return KIND_MISSING;
        if (value.equals("late")) return LATE;
        if (value.equals("partial")) return PARTIAL;
        throw new IOException("Cannot deserialize AnomalyElement");
    }
}
