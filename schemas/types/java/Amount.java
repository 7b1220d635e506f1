package exchange.events;

import com.fasterxml.jackson.annotation.*;

/**
 * An amount of one currency; ``network`` is the blockchain's name as the provider writes it.
 */
public class Amount {
    private String amount;
    private String currency;
    private String network;

    @JsonProperty("amount")
    public String getAmount() { return amount; }
    @JsonProperty("amount")
    public void setAmount(String value) { this.amount = value; }

    @JsonProperty("currency")
    public String getCurrency() { return currency; }
    @JsonProperty("currency")
    public void setCurrency(String value) { this.currency = value; }

    @JsonProperty("network")
    public String getNetwork() { return network; }
    @JsonProperty("network")
    public void setNetwork(String value) { this.network = value; }
}
