package api

// Produce is what decides about a Produce request, found without decoding
// records and without allocating: Read reuses the value. It refers to the body
// by position and keeps no part of it.
type Produce struct {
	Acks   int16
	Topics []Topic
	// Unknown says that there are tagged fields that nobody knows, so that the
	// bytes must not go to a broker as they are; Decode leaves the fields out.
	Unknown bool

	// Transactional tells that a batch says it is part of a transaction
	// (RequestUtils.hasTransactionalRecords).
	Transactional bool

	hasID bool
	id    span
}

// Topic is one topic of a request, in the order of the request.
type Topic struct {
	ID   [16]byte // from the version on that has ids; Name is empty then
	name span
}

// Name is the topic's name, a part of body, which must be the bytes that were
// read.
func (t Topic) Name(body []byte) []byte { return t.name.of(body) }

// TransactionalID is the transactional id, a part of body; ok is false when
// the request has none.
func (p *Produce) TransactionalID(body []byte) (id []byte, ok bool) {
	return p.id.of(body), p.hasID
}

// Versions that Produce.Read knows, and the first one that names topics by id.
const (
	ProduceMin = 3
	ProduceMax = 13
	ProduceIDs = 13
)

// Read reads the body of a Produce request. Everything that has more than one
// reading is refused: bytes after the end, duplicate or unsorted tags, varints
// that are longer than needed, lengths that do not fit (kafka.protocol,
// ProduceRequest.json).
func (p *Produce) Read(version int16, body []byte) error {
	flexible, ids := version >= 9, version >= ProduceIDs
	r := request(body)
	r.bad = version < ProduceMin || version > ProduceMax
	p.Topics = p.Topics[:0]

	var null bool
	p.id, null = r.text(flexible, false, true)
	p.hasID, p.Transactional = !null, false
	p.Acks = r.int16()
	r.skip(4) // timeout

	for i, n := 0, r.array(flexible, false, 3); i < n && !r.bad; i++ {
		p.Topics = append(p.Topics, r.topic(flexible, ids))
		m := r.array(flexible, false, 5)
		r.count(m)
		for j := 0; j < m && !r.bad; j++ {
			r.skip(4) // partition
			records, _ := r.text(flexible, true, true)
			p.Transactional = p.Transactional || transactional(records.of(body))
			r.end482(flexible)
		}
		r.end482(flexible)
	}
	r.end482(flexible)
	p.Unknown = r.unknown
	return r.end("a Produce request")
}

// transactional reports whether the first batch, of magic 2, has the flag of a
// transaction (DefaultRecordBatch.TRANSACTIONAL_FLAG_MASK).
func transactional(records []byte) bool {
	const magic, attributes, flag = 16, 22, 1 << 4 // the low byte of the attributes
	return len(records) > attributes && records[magic] == 2 && records[attributes]&flag != 0
}

// mostItems is how many topics and partitions a Produce or a Fetch may name; a
// frame has room for tens of millions, and each costs more memory than bytes.
const mostItems = 1 << 18

// count counts a topic and its partitions.
func (r *reader) count(partitions int) {
	if r.items += 1 + partitions; r.items > mostItems {
		r.bad = true
	}
}

func (r *reader) topic(flexible, ids bool) (t Topic) {
	if ids {
		t.ID = r.uuid()
	} else {
		t.name, _ = r.text(flexible, false, false)
	}
	return t
}

// end482 reads the tagged fields at the end of a structure that knows none.
func (r *reader) end482(flexible bool) {
	if flexible {
		_, _, n := r.tags()
		r.unknown = r.unknown || n > 0
	}
}
