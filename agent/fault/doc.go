// Package fault lets tests kill this program at a named point, or take one of its defences away, to prove that the
// first loses nothing and that the second is noticed.
//
// In a binary built without the build tag `faults` everything here does nothing and costs nothing: no environment
// variable can make a released agent do any of this. With the tag, the environment says what happens:
//
//	SALLYPORT_FAULT_TRACE=FILE   append the name of each point that is passed, a line each
//	SALLYPORT_FAULT_KILL=NAME:N  SIGKILL this process when it passes point NAME for the N-th time (from 1)
//	SALLYPORT_FAULT_ONCE=FILE    kill only if FILE can be made, so that one process dies of it and the next does not
//	SALLYPORT_FAULT_WITHOUT=NAME switch off that defence
//	SALLYPORT_FAULT_PANIC=FILE   panic in the work that a line of FILE names, as long as it does
//	SALLYPORT_FAULT_SCHEMA=N     play a later version, whose store has schema N; with :die behind it dies while it brings one forward
//
// A line of that file is the name of a piece of work, as package contain has it, or "at" and that of a point; a * in it stands
// for any text. With a colon and a number behind, each panics that often. What is written into the file holds from then on.
//
// Only that process dies, as when the kernel kills it; its children live on. N is counted per process.
//
// Points outside of transactions are calls of [Point]. Both sides of each commit are points too, without a call of
// their own: see [Commit].
package fault
