package etcd

import (
	"fmt"
	"strconv"
)

// Keys are the names of what one life has in etcd:
//
//	life               who this life is, made once, with the first store that led
//	leader             the member that leads; bound to its lease, so that it goes when the member does
//	head               number and hash of the newest entry of the log
//	log/N              what one transaction changed
//	chunks/N/PART      pieces of an entry that is too large for one request
//	snapshots/N        a whole store as of entry N, once its pieces are there
//	pieces/N/TERM/PART a piece of a snapshot, as one leader wrote it
//	members/NAME       what a member says of itself; bound to its lease
//	claims/RUN         who may start a run's apply, for ever
//	alive/RUN          the runner of that apply; bound to the runner's own lease
//	results/RUN        what became of it
//	stops/RUN          that somebody wants it to stop
type Keys struct{ prefix string }

// rooms are the first words below a prefix. No prefix may contain one.
func rooms() []string {
	return []string{"life", "leader", "head", "log", "chunks", "snapshots", "pieces", "members", "claims", "alive", "results", "stops"}
}

// Keys are the names of the configured life.
func (c Config) Keys() Keys { return Keys{c.Prefix} }

// All is what every key of the life begins with.
func (k Keys) All() string { return k.prefix + "/" }

// Life is the key of what tells this life from others.
func (k Keys) Life() string { return k.prefix + "/life" }

// Leader is the key that only the member that leads has made.
func (k Keys) Leader() string { return k.prefix + "/leader" }

// Head is the key of the newest entry's number.
func (k Keys) Head() string { return k.prefix + "/head" }

// Logs begins the keys of all entries.
func (k Keys) Logs() string { return k.prefix + "/log/" }

// Log is the key of one entry.
func (k Keys) Log(n uint64) string { return k.Logs() + number(n) }

// Chunks begins the keys of the pieces of all large entries.
func (k Keys) Chunks() string { return k.prefix + "/chunks/" }

// ChunksOf begins the keys of the pieces of one entry, as one leader wrote them: another one that tries the same number has other
// pieces.
func (k Keys) ChunksOf(n uint64, term int64) string {
	return k.Chunks() + number(n) + "/" + number(uint64(term)) + "/"
}

// Chunk is the key of one piece.
func (k Keys) Chunk(n uint64, term int64, at int) string {
	return k.ChunksOf(n, term) + part(at)
}

// Snapshots begins the keys of all whole stores.
func (k Keys) Snapshots() string { return k.prefix + "/snapshots/" }

// Snapshot is the key that says that a whole store is there.
func (k Keys) Snapshot(n uint64) string { return k.Snapshots() + number(n) }

// Pieces begins the keys of the pieces of all whole stores.
func (k Keys) Pieces() string { return k.prefix + "/pieces/" }

// PiecesOf begins the keys of the pieces of one whole store, as one leader wrote them.
func (k Keys) PiecesOf(n uint64, term int64) string {
	return k.Pieces() + number(n) + "/" + number(uint64(term)) + "/"
}

// Piece is the key of one piece of a whole store.
func (k Keys) Piece(n uint64, term int64, at int) string {
	return k.PiecesOf(n, term) + part(at)
}

// Members begins the keys of all members.
func (k Keys) Members() string { return k.prefix + "/members/" }

// Member is where a member says what it is.
func (k Keys) Member(name string) string { return k.Members() + name }

// Claims begins the keys of all claims.
func (k Keys) Claims() string { return k.prefix + "/claims/" }

// Claim is the key of who may start a run's apply.
func (k Keys) Claim(run int) string { return k.Claims() + strconv.Itoa(run) }

// Alive is the key that is there as long as a run's runner is.
func (k Keys) Alive(run int) string { return k.prefix + "/alive/" + strconv.Itoa(run) }

// Results begins the keys of all results.
func (k Keys) Results() string { return k.prefix + "/results/" }

// Result is the key of what became of a run's apply.
func (k Keys) Result(run int) string { return k.Results() + strconv.Itoa(run) }

// Stop is the key that asks a run's apply to stop.
func (k Keys) Stop(run int) string { return k.prefix + "/stops/" + strconv.Itoa(run) }

// number writes a number so that etcd's order of keys is that of numbers.
func number(n uint64) string { return fmt.Sprintf("%020d", n) }

func part(at int) string { return fmt.Sprintf("%06d", at) }
