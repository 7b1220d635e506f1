// Code generated from JSON Schema using quicktype. DO NOT EDIT.
// To parse and unparse this JSON data, add this code to your project and do:
//
//    statusEvent, err := UnmarshalStatusEvent(bytes)
//    bytes, err = statusEvent.Marshal()
//
//    quarantineRecord, err := UnmarshalQuarantineRecord(bytes)
//    bytes, err = quarantineRecord.Marshal()

package events

import "encoding/json"

func UnmarshalStatusEvent(data []byte) (StatusEvent, error) {
	var r StatusEvent
	err := json.Unmarshal(data, &r)
	return r, err
}

func (r *StatusEvent) Marshal() ([]byte, error) {
	return json.Marshal(r)
}

func UnmarshalQuarantineRecord(data []byte) (QuarantineRecord, error) {
	var r QuarantineRecord
	err := json.Unmarshal(data, &r)
	return r, err
}

func (r *QuarantineRecord) Marshal() ([]byte, error) {
	return json.Marshal(r)
}

// One status of one operation, in its place in that operation's order.
type StatusEvent struct {
	// merchant or organisation id at the provider
	Account   *string          `json:"account"`
	Anomalies []AnomalyElement `json:"anomalies"`
	CreatedAt *string          `json:"created_at"`
	// whether this is the operation's state now
	Effective bool `json:"effective"`
	// UUIDv5 of the identity: equal for equal news
	EventID string   `json:"event_id"`
	Failure *Failure `json:"failure"`
	Family  Family   `json:"family"`
	Fees    []Fee    `json:"fees"`
	// the provider's kind of operation, snake case
	Kind string `json:"kind"`
	// the merchant's own text, where given
	Meta        *string     `json:"meta"`
	ObservedVia ObservedVia `json:"observed_via"`
	// the provider's id
	OperationID string  `json:"operation_id"`
	Payout      *Payout `json:"payout"`
	Price       *Price  `json:"price"`
	Provider    string  `json:"provider"`
	// the provider's own word
	ProviderStatus string  `json:"provider_status"`
	Received       *Amount `json:"received"`
	ReceivedAt     string  `json:"received_at"`
	// the merchant's own id, where given
	Reference *string `json:"reference"`
	// 1, 2 … per status word: more than 1 when its facts changed
	Revision int64 `json:"revision"`
	// the provider's risk word, lower case
	Risk          *string       `json:"risk"`
	SchemaVersion SchemaVersion `json:"schema_version"`
	// 1, 2, 3 … per operation, without gaps
	Sequence int64   `json:"sequence"`
	Source   string  `json:"source"`
	Spent    *Amount `json:"spent"`
	Status   Status  `json:"status"`
	// whether the swap itself went through: who holds the money after a failure
	Swapped *bool `json:"swapped"`
	// no further status is expected
	Terminal        bool    `json:"terminal"`
	TransactionHash *string `json:"transaction_hash"`
	UpdatedAt       *string `json:"updated_at"`
	Usd             *Usd    `json:"usd"`
}

// Why it failed or was rejected, as far as the provider says.
type Failure struct {
	Code    *string `json:"code"`
	Message *string `json:"message"`
}

// One fee; “currency“ is null where the provider does not say.
type Fee struct {
	Amount   string  `json:"amount"`
	Currency *string `json:"currency"`
	Kind     string  `json:"kind"`
}

// What is sent to the beneficiary; card numbers in “destination“ are masked. “paid“ is
// what really was paid.
type Payout struct {
	Amount      *string `json:"amount"`
	Currency    *string `json:"currency"`
	Destination *string `json:"destination"`
	Failed      *string `json:"failed"`
	Network     *string `json:"network"`
	Paid        *string `json:"paid"`
}

// The price and its pair as sent; providers disagree on the direction, so nothing is
// derived from it.
type Price struct {
	Pair  []string `json:"pair"`
	Value *string  `json:"value"`
}

// An amount of one currency; “network“ is the blockchain's name as the provider writes it.
type Amount struct {
	Amount   *string `json:"amount"`
	Currency *string `json:"currency"`
	Network  *string `json:"network"`
}

// The provider's own valuation in US dollars.
type Usd struct {
	NetworkIn  *string `json:"network_in"`
	NetworkOut *string `json:"network_out"`
	Received   *string `json:"received"`
	Spent      *string `json:"spent"`
}

// One callback nobody could read. The body stays in the journal unless “publish_body“ is
// set.
type QuarantineRecord struct {
	Account *string `json:"account"`
	// only with `publish_body = true`
	BodyBase64 *string `json:"body_base64"`
	BodyBytes  int64   `json:"body_bytes"`
	BodySha256 string  `json:"body_sha256"`
	// the offending field's path, never its value
	Detail string `json:"detail"`
	// name and value, without signatures, authorization and cookies
	Headers  [][]string `json:"headers"`
	Provider string     `json:"provider"`
	// the inbox number as text; `poll-` and a number for an answer of an API
	QuarantineID string `json:"quarantine_id"`
	Reason       Reason `json:"reason"`
	ReceivedAt   string `json:"received_at"`
	Source       string `json:"source"`
}

// what was unusual about this news
type AnomalyElement string

const (
	Amended     AnomalyElement = "amended"
	Conflict    AnomalyElement = "conflict"
	KindMissing AnomalyElement = "kind_missing"
	Late        AnomalyElement = "late"
	Partial     AnomalyElement = "partial"
)

// what kind of business an operation is; each has a topic of its own
type Family string

const (
	Deposit      Family = "deposit"
	Exchange     Family = "exchange"
	FamilyPayout Family = "payout"
	Invoice      Family = "invoice"
)

// whether the provider told us, or was asked
type ObservedVia string

const (
	Poll    ObservedVia = "poll"
	Webhook ObservedVia = "webhook"
)

type SchemaVersion string

const (
	The1 SchemaVersion = "1"
)

// the one vocabulary of all providers
type Status string

const (
	Cancelled  Status = "cancelled"
	Completed  Status = "completed"
	Exchanged  Status = "exchanged"
	Expired    Status = "expired"
	Failed     Status = "failed"
	Pending    Status = "pending"
	Processing Status = "processing"
	Rejected   Status = "rejected"
	Sending    Status = "sending"
	Verified   Status = "verified"
)

// why a callback is in quarantine: of the reasons that hold, the first in this order
type Reason string

const (
	AccountMismatch   Reason = "account_mismatch"
	InternalError     Reason = "internal_error"
	NotJSON           Reason = "not_json"
	NotUtf8           Reason = "not_utf8"
	Schema            Reason = "schema"
	TooLargeForBroker Reason = "too_large_for_broker"
	UnknownKind       Reason = "unknown_kind"
	UnknownStatus     Reason = "unknown_status"
)
