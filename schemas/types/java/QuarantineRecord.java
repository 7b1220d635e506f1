package exchange.events;

import com.fasterxml.jackson.annotation.*;
import java.util.List;

/**
 * One callback nobody could read. The body stays in the journal unless ``publish_body`` is
 * set.
 */
public class QuarantineRecord {
    private String account;
    private String bodyBase64;
    private long bodyBytes;
    private String bodySha256;
    private String detail;
    private List<List<String>> headers;
    private String provider;
    private String quarantineID;
    private Reason reason;
    private String receivedAt;
    private String source;

    @JsonProperty("account")
    public String getAccount() { return account; }
    @JsonProperty("account")
    public void setAccount(String value) { this.account = value; }

    /**
     * only with `publish_body = true`
     */
    @JsonProperty("body_base64")
    public String getBodyBase64() { return bodyBase64; }
    @JsonProperty("body_base64")
    public void setBodyBase64(String value) { this.bodyBase64 = value; }

    @JsonProperty("body_bytes")
    public long getBodyBytes() { return bodyBytes; }
    @JsonProperty("body_bytes")
    public void setBodyBytes(long value) { this.bodyBytes = value; }

    @JsonProperty("body_sha256")
    public String getBodySha256() { return bodySha256; }
    @JsonProperty("body_sha256")
    public void setBodySha256(String value) { this.bodySha256 = value; }

    /**
     * the offending field's path, never its value
     */
    @JsonProperty("detail")
    public String getDetail() { return detail; }
    @JsonProperty("detail")
    public void setDetail(String value) { this.detail = value; }

    /**
     * name and value, without signatures, authorization and cookies
     */
    @JsonProperty("headers")
    public List<List<String>> getHeaders() { return headers; }
    @JsonProperty("headers")
    public void setHeaders(List<List<String>> value) { this.headers = value; }

    @JsonProperty("provider")
    public String getProvider() { return provider; }
    @JsonProperty("provider")
    public void setProvider(String value) { this.provider = value; }

    /**
     * the inbox number as text; `poll-` and a number for an answer of an API
     */
    @JsonProperty("quarantine_id")
    public String getQuarantineID() { return quarantineID; }
    @JsonProperty("quarantine_id")
    public void setQuarantineID(String value) { this.quarantineID = value; }

    @JsonProperty("reason")
    public Reason getReason() { return reason; }
    @JsonProperty("reason")
    public void setReason(Reason value) { this.reason = value; }

    @JsonProperty("received_at")
    public String getReceivedAt() { return receivedAt; }
    @JsonProperty("received_at")
    public void setReceivedAt(String value) { this.receivedAt = value; }

    @JsonProperty("source")
    public String getSource() { return source; }
    @JsonProperty("source")
    public void setSource(String value) { this.source = value; }
}
