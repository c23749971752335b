// Package recall remembers which transaction has written which record last, so that whoever has read some can ask whether reading them
// again would say the same.
//
// It imports nothing.
package recall

import "sync"

// Names are records that were read or written; a bucket alone stands for any record of it.
type Names map[string]struct{}

// Add adds a record of a bucket; without a key, the bucket. No name of a bucket has a zero byte.
func (n *Names) Add(bucket string, key []byte) {
	if *n == nil {
		*n = Names{}
	}
	if key != nil {
		bucket += "\x00" + string(key)
	}
	(*n)[bucket] = struct{}{}
}

// Reads are the records that a transaction has read, and the transaction's number. The zero value is nothing that was read.
type Reads struct {
	At    int
	Names Names
}

// most bounds the names of which it is remembered when they were written last. One more, and everything that was read before counts
// as changed.
const most = 4096

// Log remembers which transaction has written what last. The zero value has seen none.
type Log struct {
	mu    sync.Mutex
	at    map[string]int
	floor int // of what was written before this transaction nothing is known
}

// Note remembers what a transaction writes. It is called before the commit, so that nobody who sees what was written is told that nothing
// was.
func (l *Log) Note(tx int, written Names) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.at)+len(written) > most {
		l.at, l.floor = nil, tx
	}
	if l.at == nil {
		l.at = map[string]int{}
	}
	for name := range written {
		l.at[name] = tx
	}
}

// Forget remembers that a transaction writes everything there is. Like Note it is called before the commit.
func (l *Log) Forget(tx int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.floor = nil, tx
}

// Unchanged reports whether nothing of what was read was written since. Of nothing that was read it is not known.
func (l *Log) Unchanged(r Reads) bool {
	if r.Names == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.At < l.floor {
		return false
	}
	for name := range r.Names {
		if l.at[name] > r.At {
			return false
		}
	}
	return true
}
