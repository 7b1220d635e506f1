package exchange.events;

import com.fasterxml.jackson.annotation.*;

/**
 * One fee; ``currency`` is null where the provider does not say.
 */
public class Fee {
    private String amount;
    private String currency;
    private String kind;

    @JsonProperty("amount")
    public String getAmount() { return amount; }
    @JsonProperty("amount")
    public void setAmount(String value) { this.amount = value; }

    @JsonProperty("currency")
    public String getCurrency() { return currency; }
    @JsonProperty("currency")
    public void setCurrency(String value) { this.currency = value; }

    @JsonProperty("kind")
    public String getKind() { return kind; }
    @JsonProperty("kind")
    public void setKind(String value) { this.kind = value; }
}
