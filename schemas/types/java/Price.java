package exchange.events;

import com.fasterxml.jackson.annotation.*;
import java.util.List;

/**
 * The price and its pair as sent; providers disagree on the direction, so nothing is
 * derived from it.
 */
public class Price {
    private List<String> pair;
    private String value;

    @JsonProperty("pair")
    public List<String> getPair() { return pair; }
    @JsonProperty("pair")
    public void setPair(List<String> value) { this.pair = value; }

    @JsonProperty("value")
    public String getValue() { return value; }
    @JsonProperty("value")
    public void setValue(String value) { this.value = value; }
}
