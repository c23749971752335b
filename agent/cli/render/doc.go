// Package render makes what people read of what an agent answers: the status, the card of a run, tables, and plans and logs with
// terraform's colours put back.
//
// # Pure
//
// A function here takes values and the time, and returns a text. It reads nothing and prints nothing, so that golden files show
// what people see. The texts hold colours, as escape sequences: whoever prints them takes those away where they are not wanted.
//
// # Strangers' words
//
// Much of what is shown was written by others: commits, plans, errors of providers, names in Slack. Each piece is cleaned of
// control characters, which could take over a terminal, before a style is put around it: cleaning takes styles away, too.
//
// # For a person who was woken up
//
// What is wrong comes first, then what waits for a person with the very line to type, then everything else. Times are said as
// distances ("3 minutes ago"); the card of a run says them in full as well.
package render
