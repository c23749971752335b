package store

import "sallyport/store/recall"

// Whoever looks at many records again and again, and finds most of them as they were, need not decode them each time: it asks for
// what it has read ([Tx.Watch]) and later whether anything of that was written since ([Store.Unchanged]). That costs nothing of the disk.

// Reads are the records that a transaction has read, and as of when. The zero value is nothing that was read.
type Reads = recall.Reads

// Watch calls fn, which reads with the transaction, and returns what it has read. Watches do not nest. Of a transaction that may write
// nothing is known afterwards, since what it has read may be of before its own writes.
func (tx *Tx) Watch(fn func() error) (Reads, error) {
	if tx.bolt.Writable() {
		return Reads{}, fn()
	}
	tx.reads = recall.Names{}
	defer func() { tx.reads = nil }()
	err := fn()
	return Reads{At: tx.bolt.ID(), Names: tx.reads}, err
}

// reading notes that a record is read or, without a key, any of a bucket.
func (tx *Tx) reading(bucket string, key []byte) {
	if tx.reads != nil {
		tx.reads.Add(bucket, toldApart(bucket, key))
	}
}

// wrote notes that a record is written.
func (tx *Tx) wrote(bucket string, key []byte) {
	tx.dirty = true
	tx.writes.Add(bucket, nil)
	tx.writes.Add(bucket, toldApart(bucket, key))
	if tx.changes != nil {
		tx.changes.Add(bucket, key)
	}
}

// counted notes that a bucket's sequence is moved.
func (tx *Tx) counted(bucket string) {
	tx.dirty = true
	if tx.changes != nil {
		tx.changes.Add(bucket, nil)
	}
}

// toldApart is the key of a record that somebody looks at again and again; those of other buckets, of which there are many, are one.
func toldApart(bucket string, key []byte) []byte {
	switch bucket {
	case bucketRuns, bucketStacks, bucketRepositories, bucketAgent, bucketSettings:
		return key
	}
	return nil
}

// Unchanged reports whether nothing of what was read was written since, so that reading it again would give the same. It knows of the
// writes through this Store, which are all there are as long as it is open for writing.
func (s *Store) Unchanged(r Reads) bool { return s.written.Unchanged(r) }
