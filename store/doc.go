// Package store is the agent's memory: the words of the trade (Run, Status, Plan, Decision, ...) and one bbolt file that
// keeps them. It imports nothing else of this module, so that everything may import it.
//
// # Reading and writing
//
// All access goes through a transaction. [Store.View] reads one consistent moment; [Store.Update] changes things, all of
// them or none, and returns only after the disk has them: what Update acknowledged survives kill -9 and power loss. One
// writer runs at a time. Never call Update or View inside another one: bbolt deadlocks. Keep transactions short and free
// of network calls. A transaction that changed nothing costs no write at all, so a pass of a loop may always use Update.
//
// An error of Update's function undoes the whole transaction and comes back as it is. An error of a single method that
// was refused before it wrote anything (a conflict, a plan text that is too large) may be swallowed and the transaction go
// on; once a write itself failed, Update refuses to commit whatever the function returns.
//
// Everything handed out is the caller's own copy and stays valid after the transaction. Times are stored in UTC, cut to
// milliseconds; records handed in are cut likewise, so that what a caller holds is what was stored. One transaction has one
// time, taken from Options.Now when it began.
//
// # Runs
//
// A run moves only by [Tx.Transition], a compare-and-set along the table in [Transitions]; [Tx.ChangeRun] changes
// everything but the status. Both keep what is derived from runs: the index of open runs, the index by stack, and the
// OpenRun and NewestRun of [StackState]. A stack has at most one open run that can apply; runs of kind pull_request do not
// count and leave no trace in the stack's state. To replace an open run, end it first in the same transaction:
//
//	err := s.Update(func(tx *store.Tx) error {
//		if _, err := tx.Transition(old.ID, store.Move{From: old.Status, To: store.Superseded}, nil); err != nil {
//			return err
//		}
//		return tx.CreateRun(&store.Run{Stack: old.Stack, Kind: store.KindManual, Commit: head})
//	})
//
// # Buckets
//
//	meta          schema                   {version, created_at, from}
//	              history                  number and hash of the last entry that was trimmed
//	              head                     number and hash of the last entry of the life that the store shares
//	runs          run id                   Run; the bucket's sequence gives the ids
//	open          run id                   name of the stack, for every run that has not ended
//	stack-runs    stack 0x00 run id        empty: the runs of a stack without reading all runs
//	stacks        name                     StackState
//	repositories  name                     RepositoryState
//	agent         "agent"                  AgentState
//	events        sequence                 Event: append-only, each with the hash of the one before
//	run-events    run id, sequence         empty: the events of a run
//	outbox        sequence                 Message, in the order in which they are to be sent
//	outbox-keys   message key 0x00 seq     empty: the messages with a key
//	threads       run id                   Thread
//	texts         run id                   plan text, zstd
//	settings      name                     small JSON records of the callers
//
// Numbers in keys are 8 bytes, big endian, so that bbolt's order is theirs.
//
// # Damage
//
// bbolt has no page checksums: a flipped bit is read back as a wrong value. So every value is stored as
//
//	version byte | CRC-32C of the payload, 4 bytes big endian | payload
//
// and a mismatch is an error that is [ErrDamaged] and names bucket and key. A record that says it is something else than
// its key is damaged too. The payload is JSON (for texts: zstd). Each event carries the SHA-256 of the payload before it, so
// that history cannot be edited or shortened without [Tx.VerifyHistory] seeing it. Panics of bbolt over broken pages come
// back as ErrDamaged. What cannot come back is a SIGBUS: a file that was cut short kills the process that reads it, so
// whoever wants to survive that runs [Check] in a child process first.
//
// # Stores that say the same
//
// Agents on several machines may share one life. What a transaction of their leader changed is handed to [Leader.Record] as one entry
// before it is committed, and counts only if that takes it; the others repeat entries in their order, with [Store.Apply]. Package
// store/change says what an entry is. A store that shares a life, or was opened with Options.Fenced, is written by nobody else: Update
// fails with [ErrNotLeading]. [Store.Dump] and [Store.Load] bring a whole store to who has too little of it.
//
// # The file
//
// The file belongs to one process at a time; a second one gets [ErrLocked], which names the first. The lock goes with the
// process, nothing stale is left after a crash. The file must not lie on NFS. It never shrinks; its size is bounded by
// Options.MaxSize. When that or the disk is full, Update fails with [ErrFull], nothing is changed, reads go on, and writes
// work again once there is room. To copy the file while it is in use, [Store.WriteTo] is the only safe way.
package store
