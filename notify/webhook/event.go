// Package webhook tells receivers of the configuration's what happens: a pager, a chat, a program that writes mails. Each is told by
// one JSON object, which is posted to an address or is the standard input of a command.
//
// # The object
//
// It is part of what others build on: members keep their names and meanings, and new ones may be added, which a receiver has to
// ignore. Version is raised when that could not be kept.
//
//	version     1
//	id          of what is told, the same at each try: who has seen it has seen this. "3f2a9c013f…/12/waiting"
//	event       waiting, errored, interrupted, drift, blocked, or test
//	at          when it happened: RFC 3339, UTC
//	agent       id of the agent
//	stack       its name; label is that of its block, or ""
//	repository  its name in the configuration
//	run         its number; kind and status are those of `sallyport show RUN --json`, status as it was when it happened
//	commit      the whole hash
//	plan        null, or {"add":1,"change":0,"destroy":0}
//	text        one sentence for people
//	link        to the run's message in Slack; "" if there is none, or none yet
//	commands    what to type in a shell, to look and to decide; [] in a test
//
// Nothing of it comes from a repository, but for the hash: no addresses, no values, no words of terraform's, no subjects of commits.
// A receiver that shows it as markup has nothing to escape but what is in the configuration.
package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"sallyport/store"
)

// version is that of the object.
const version = 1

// Test is the event of which a receiver is told to see whether it is reached.
const Test = "test"

// Event is what a receiver is told.
type Event struct {
	Version    int       `json:"version"`
	ID         string    `json:"id"`
	Event      string    `json:"event"`
	At         time.Time `json:"at"`
	Agent      string    `json:"agent"`
	Stack      string    `json:"stack"`
	Label      string    `json:"label"`
	Repository string    `json:"repository"`
	Run        int       `json:"run"`
	Kind       string    `json:"kind"`
	Status     string    `json:"status"`
	Commit     string    `json:"commit"`
	Plan       *Plan     `json:"plan"`
	Text       string    `json:"text"`
	Link       string    `json:"link"`
	Commands   []string  `json:"commands"`
}

// Plan is how much a plan does.
type Plan struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
}

// Of is the object of a message for a receiver. link leads to the run's message in Slack; empty if it has none.
func Of(agent, link string, m *store.Message) Event {
	w := m.Word
	e := Event{
		Version: version, ID: fmt.Sprintf("%s/%d/%s", agent, m.Run, w.Event), Event: w.Event, At: m.CreatedAt.UTC(), Agent: agent,
		Stack: m.Stack, Label: w.Label, Repository: m.Repository, Run: m.Run, Kind: string(w.Kind), Status: string(w.Status),
		Commit: m.Commit, Text: m.Text, Link: link, Commands: append([]string{}, w.Commands...),
	}
	if w.Planned {
		e.Plan = &Plan{Add: w.Add, Change: w.Change, Destroy: w.Destroy}
	}
	return e
}

// Trial is the object that says that it is a test.
func Trial(at time.Time) Event {
	return Event{
		Version: version, ID: fmt.Sprintf("test/%d", at.UnixMilli()), Event: Test, At: at.UTC().Truncate(time.Second), Commands: []string{},
		Text: "This is a test of sallyport doctor: nothing has happened, and nothing is to be done.",
	}
}

// JSON is the object as it is sent: one line with its end.
func (e Event) JSON() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("writing an event: %v", err)) // strings, numbers and a time: there is nothing that could not be written
	}
	return append(b, '\n')
}
