package auditlog

// write is the one goroutine that touches the files. It takes what is queued
// as one batch, so that refusals that arrive together share one fsync.
func (l *Log) write() {
	defer close(l.flushed)
	defer func() { l.events.close(); l.steps.close() }()
	for {
		select {
		case e := <-l.queue:
			l.keep(l.gather(e))
		case <-l.stopped:
			for len(l.queue) > 0 {
				l.keep(l.gather(<-l.queue))
			}
			return
		}
	}
}

// maxBatch bounds what one fsync waits for.
const maxBatch = 256

func (l *Log) gather(first entry) []entry {
	batch := append(make([]entry, 0, 1+min(len(l.queue), maxBatch)), first)
	for len(batch) < maxBatch {
		select {
		case e := <-l.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// keep writes a batch and tells those who wait. Steps are a convenience, and in
// memory as well: nobody waits for the disk to have them.
func (l *Log) keep(batch []entry) {
	var events, steps []byte
	waiting := false
	for _, e := range batch {
		events, steps = append(events, e.events...), append(steps, e.steps...)
		waiting = waiting || e.kept != nil
	}
	err := l.events.append(events)
	if err == nil && waiting {
		err = l.events.sync()
	}
	l.failing.Store(err != nil)
	_ = l.steps.append(steps)
	for _, e := range batch {
		if e.kept != nil {
			e.kept <- err
		}
	}
}
