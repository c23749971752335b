// Package keptstate is the states that the agent keeps, of stacks whose configuration names no lasting place: where they lie, how
// a root module is told so, and how one is put back that was changed by nobody's order.
//
// A plan needs the directory of the state, to lock it, and code that runs while it is made can write there. Nobody has approved
// anything yet: what it changes is put back. An agent that is killed meanwhile sees none of that. So what the state was is written
// down where nobody but the agent comes, one place for each stack, before that code runs ([Note]); and whoever takes the state next,
// or the next agent's start, puts it back first ([Settle]). Where nothing is written down nothing was at work.
package keptstate
