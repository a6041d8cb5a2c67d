package api

// PlainProduceAnswer reports whether the body of a Produce response can go to
// a client without a second look: it has no node endpoints (KIP-951) and no
// words of the broker's, which are where addresses stand, and no error. It
// allocates nothing; an answer that cannot be read is not plain.
func PlainProduceAnswer(version int16, body []byte) bool {
	flexible := version >= 9
	r := reader{b: body, bad: version < ProduceMin || version > ProduceMax}
	plain := true
	for i, n := 0, r.array(flexible, false, 3); i < n && !r.bad; i++ {
		r.topic(flexible, version >= ProduceIDs)
		for j, m := 0, r.array(flexible, false, 22); j < m && !r.bad; j++ {
			plain = r.producePartition(version) && plain
		}
		r.end482(flexible)
	}
	r.skip(4) // throttle time
	tags := uint32(0)
	if flexible {
		_, _, tags = r.tags()
	}
	return plain && tags == 0 && r.end("") == nil
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
	r.end482(flexible)
	return plain
}
