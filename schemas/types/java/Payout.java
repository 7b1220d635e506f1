package exchange.events;

import com.fasterxml.jackson.annotation.*;

/**
 * What is sent to the beneficiary; card numbers in ``destination`` are masked. ``paid`` is
 * what really was paid.
 */
public class Payout {
    private String amount;
    private String currency;
    private String destination;
    private String failed;
    private String network;
    private String paid;

    @JsonProperty("amount")
    public String getAmount() { return amount; }
    @JsonProperty("amount")
    public void setAmount(String value) { this.amount = value; }

    @JsonProperty("currency")
    public String getCurrency() { return currency; }
    @JsonProperty("currency")
    public void setCurrency(String value) { this.currency = value; }

    @JsonProperty("destination")
    public String getDestination() { return destination; }
    @JsonProperty("destination")
    public void setDestination(String value) { this.destination = value; }

    @JsonProperty("failed")
    public String getFailed() { return failed; }
    @JsonProperty("failed")
    public void setFailed(String value) { this.failed = value; }

    @JsonProperty("network")
    public String getNetwork() { return network; }
    @JsonProperty("network")
    public void setNetwork(String value) { this.network = value; }

    @JsonProperty("paid")
    public String getPaid() { return paid; }
    @JsonProperty("paid")
    public void setPaid(String value) { this.paid = value; }
}
