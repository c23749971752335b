// Package lifecycle is the rules by which a run goes from a commit to an announced apply: who may decide, what a policy decides
// by itself, when a plan is too old, when a window is open, what a stack waits for, and what an apply asks for next.
//
// The rules are pure. They look at what they are given, the facts of one moment, and have no store, no clock and no context of
// their own; so each of them can be tried in a table, and the same rule says no when a run is looked at and once more in the
// transaction that decides. What a rule cannot know it does not assume: a missing record, a word that this version does not know
// and a count of nothing hold a run.
package lifecycle
