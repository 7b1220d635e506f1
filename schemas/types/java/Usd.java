package exchange.events;

import com.fasterxml.jackson.annotation.*;

/**
 * The provider's own valuation in US dollars.
 */
public class Usd {
    private String networkIn;
    private String networkOut;
    private String received;
    private String spent;

    @JsonProperty("network_in")
    public String getNetworkIn() { return networkIn; }
    @JsonProperty("network_in")
    public void setNetworkIn(String value) { this.networkIn = value; }

    @JsonProperty("network_out")
    public String getNetworkOut() { return networkOut; }
    @JsonProperty("network_out")
    public void setNetworkOut(String value) { this.networkOut = value; }

    @JsonProperty("received")
    public String getReceived() { return received; }
    @JsonProperty("received")
    public void setReceived(String value) { this.received = value; }

    @JsonProperty("spent")
    public String getSpent() { return spent; }
    @JsonProperty("spent")
    public void setSpent(String value) { this.spent = value; }
}
