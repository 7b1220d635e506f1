package exchange.events;

import com.fasterxml.jackson.annotation.*;
import java.util.List;

/**
 * One status of one operation, in its place in that operation's order.
 */
public class StatusEvent {
    private String account;
    private List<AnomalyElement> anomalies;
    private String createdAt;
    private boolean effective;
    private String eventID;
    private Failure failure;
    private Family family;
    private List<Fee> fees;
    private String kind;
    private String meta;
    private ObservedVia observedVia;
    private String operationID;
    private Payout payout;
    private Price price;
    private String provider;
    private String providerStatus;
    private Amount received;
    private String receivedAt;
    private String reference;
    private long revision;
    private String risk;
    private SchemaVersion schemaVersion;
    private long sequence;
    private String source;
    private Amount spent;
    private Status status;
    private Boolean swapped;
    private boolean terminal;
    private String transactionHash;
    private String updatedAt;
    private Usd usd;

    /**
     * merchant or organisation id at the provider
     */
    @JsonProperty("account")
    public String getAccount() { return account; }
    @JsonProperty("account")
    public void setAccount(String value) { this.account = value; }

    @JsonProperty("anomalies")
    public List<AnomalyElement> getAnomalies() { return anomalies; }
    @JsonProperty("anomalies")
    public void setAnomalies(List<AnomalyElement> value) { this.anomalies = value; }

    @JsonProperty("created_at")
    public String getCreatedAt() { return createdAt; }
    @JsonProperty("created_at")
    public void setCreatedAt(String value) { this.createdAt = value; }

    /**
     * whether this is the operation's state now
     */
    @JsonProperty("effective")
    public boolean getEffective() { return effective; }
    @JsonProperty("effective")
    public void setEffective(boolean value) { this.effective = value; }

    /**
     * UUIDv5 of the identity: equal for equal news
     */
    @JsonProperty("event_id")
    public String getEventID() { return eventID; }
    @JsonProperty("event_id")
    public void setEventID(String value) { this.eventID = value; }

    @JsonProperty("failure")
    public Failure getFailure() { return failure; }
    @JsonProperty("failure")
    public void setFailure(Failure value) { this.failure = value; }

    @JsonProperty("family")
    public Family getFamily() { return family; }
    @JsonProperty("family")
    public void setFamily(Family value) { this.family = value; }

    @JsonProperty("fees")
    public List<Fee> getFees() { return fees; }
    @JsonProperty("fees")
    public void setFees(List<Fee> value) { this.fees = value; }

    /**
     * the provider's kind of operation, snake case
     */
    @JsonProperty("kind")
    public String getKind() { return kind; }
    @JsonProperty("kind")
    public void setKind(String value) { this.kind = value; }

    /**
     * the merchant's own text, where given
     */
    @JsonProperty("meta")
    public String getMeta() { return meta; }
    @JsonProperty("meta")
    public void setMeta(String value) { this.meta = value; }

    @JsonProperty("observed_via")
    public ObservedVia getObservedVia() { return observedVia; }
    @JsonProperty("observed_via")
    public void setObservedVia(ObservedVia value) { this.observedVia = value; }

    /**
     * the provider's id
     */
    @JsonProperty("operation_id")
    public String getOperationID() { return operationID; }
    @JsonProperty("operation_id")
    public void setOperationID(String value) { this.operationID = value; }

    @JsonProperty("payout")
    public Payout getPayout() { return payout; }
    @JsonProperty("payout")
    public void setPayout(Payout value) { this.payout = value; }

    @JsonProperty("price")
    public Price getPrice() { return price; }
    @JsonProperty("price")
    public void setPrice(Price value) { this.price = value; }

    @JsonProperty("provider")
    public String getProvider() { return provider; }
    @JsonProperty("provider")
    public void setProvider(String value) { this.provider = value; }

    /**
     * the provider's own word
     */
    @JsonProperty("provider_status")
    public String getProviderStatus() { return providerStatus; }
    @JsonProperty("provider_status")
    public void setProviderStatus(String value) { this.providerStatus = value; }

    @JsonProperty("received")
    public Amount getReceived() { return received; }
    @JsonProperty("received")
    public void setReceived(Amount value) { this.received = value; }

    @JsonProperty("received_at")
    public String getReceivedAt() { return receivedAt; }
    @JsonProperty("received_at")
    public void setReceivedAt(String value) { this.receivedAt = value; }

    /**
     * the merchant's own id, where given
     */
    @JsonProperty("reference")
    public String getReference() { return reference; }
    @JsonProperty("reference")
    public void setReference(String value) { this.reference = value; }

    /**
     * 1, 2 … per status word: more than 1 when its facts changed
     */
    @JsonProperty("revision")
    public long getRevision() { return revision; }
    @JsonProperty("revision")
    public void setRevision(long value) { this.revision = value; }

    /**
     * the provider's risk word, lower case
     */
    @JsonProperty("risk")
    public String getRisk() { return risk; }
    @JsonProperty("risk")
    public void setRisk(String value) { this.risk = value; }

    @JsonProperty("schema_version")
    public SchemaVersion getSchemaVersion() { return schemaVersion; }
    @JsonProperty("schema_version")
    public void setSchemaVersion(SchemaVersion value) { this.schemaVersion = value; }

    /**
     * 1, 2, 3 … per operation, without gaps
     */
    @JsonProperty("sequence")
    public long getSequence() { return sequence; }
    @JsonProperty("sequence")
    public void setSequence(long value) { this.sequence = value; }

    @JsonProperty("source")
    public String getSource() { return source; }
    @JsonProperty("source")
    public void setSource(String value) { this.source = value; }

    @JsonProperty("spent")
    public Amount getSpent() { return spent; }
    @JsonProperty("spent")
    public void setSpent(Amount value) { this.spent = value; }

    @JsonProperty("status")
    public Status getStatus() { return status; }
    @JsonProperty("status")
    public void setStatus(Status value) { this.status = value; }

    /**
     * whether the swap itself went through: who holds the money after a failure
     */
    @JsonProperty("swapped")
    public Boolean getSwapped() { return swapped; }
    @JsonProperty("swapped")
    public void setSwapped(Boolean value) { this.swapped = value; }

    /**
     * no further status is expected
     */
    @JsonProperty("terminal")
    public boolean getTerminal() { return terminal; }
    @JsonProperty("terminal")
    public void setTerminal(boolean value) { this.terminal = value; }

    @JsonProperty("transaction_hash")
    public String getTransactionHash() { return transactionHash; }
    @JsonProperty("transaction_hash")
    public void setTransactionHash(String value) { this.transactionHash = value; }

    @JsonProperty("updated_at")
    public String getUpdatedAt() { return updatedAt; }
    @JsonProperty("updated_at")
    public void setUpdatedAt(String value) { this.updatedAt = value; }

    @JsonProperty("usd")
    public Usd getUsd() { return usd; }
    @JsonProperty("usd")
    public void setUsd(Usd value) { this.usd = value; }
}
