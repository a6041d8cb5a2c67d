package api

// PlainProduceAnswer reports whether the body of a Produce response can go to
// a client without a second look: it has no error, no words of the broker's,
// which may tell an address, and no tagged fields, of which one is the node
// endpoints (KIP-951), but those that name a partition's leader by its number.
// It allocates nothing; an answer that cannot be read is not plain.
func PlainProduceAnswer(version int16, body []byte) bool {
	flexible := version >= 9
	r := reader{b: body, bad: version < ProduceMin || version > ProduceMax}
	plain := true
	for i, n := 0, r.array(flexible, false, 3); i < n && !r.bad; i++ {
		r.topic(flexible, version >= ProduceIDs)
		for j, m := 0, r.array(flexible, false, 22); j < m && !r.bad; j++ {
			plain = r.producePartition(version) && plain
		}
		plain = r.tagless(flexible) && plain
	}
	r.skip(4) // throttle time
	plain = r.tagless(flexible) && plain
	return plain && r.end("") == nil
}

// producePartition steps over the answer for a partition and reports whether
// it has neither an error nor words.
func (r *reader) producePartition(version int16) (plain bool) {
	flexible := version >= 9
	r.skip(4) // partition
	plain = r.int16() == 0
	r.skip(8 + 8) // base offset, append time
	if version >= 5 {
		r.skip(8) // log start offset
	}
	if version >= 8 {
		records := r.array(flexible, false, 5)
		for i := 0; i < records && !r.bad; i++ {
			r.skip(4) // index in the batch
			r.text(flexible, false, true)
			r.end482(flexible)
		}
		_, null := r.text(flexible, false, true)
		plain = plain && records == 0 && null
	}
	if flexible {
		leader, _, n := r.tags()
		known := leader.key == 0 && leader.val.len() == 4+4+1 && r.b[leader.val.to-1] == 0
		plain = plain && (n == 0 || n == 1 && known)
	}
	return plain
}

// tagless steps over tagged fields and reports whether there are none.
func (r *reader) tagless(flexible bool) bool {
	if !flexible {
		return true
	}
	_, _, n := r.tags()
	return n == 0
}
