package slack

import (
	"strconv"
	"strings"
)

// Mark is what the metadata of a run's card says about who wrote it.
type Mark struct {
	Run   int
	Stack string
	State string // a digest of where the stack's state lies; empty of an older version's card
	Agent string // id of the agent
	Epoch string // of that agent's process; empty of an older version's card
	// Seq and Hash are the head of the agent's history when it wrote this; zero and empty of an older version's card.
	Seq  uint64
	Hash string
}

// Mark reads the metadata of a run's card. It is ours, or of another agent with the same bot, only if our own bot wrote the
// message: any app can attach the same metadata, so nothing is read of anybody else's.
//
// An agent with a bot of its own can therefore not be told from a forger, and is not noticed here. In one workspace an app
// has one bot, so even the app's id would not help.
func (m Message) Mark(self Identity) (Mark, bool) {
	if !m.own(self) || m.Metadata == nil || m.Metadata.EventType != EventRun {
		return Mark{}, false
	}
	text := func(key string) string {
		s, _ := m.Metadata.Payload[key].(string)
		return s
	}
	run, isNumber := m.Metadata.Payload["run"].(float64)
	mark := Mark{Run: int(run), Stack: text("stack"), State: text("state"), Agent: text("agent"), Epoch: text("epoch")}
	if seq, hash, found := strings.Cut(text("history"), ":"); found {
		if n, err := strconv.ParseUint(seq, 10, 64); err == nil && n > 0 && hash != "" {
			mark.Seq, mark.Hash = n, hash
		}
	}
	return mark, isNumber && mark.Agent != ""
}

// NoteKey is the key of a message of [Client.PostText] and the id of the agent that sent it, with the same care as [Message.Mark].
func (m Message) NoteKey(self Identity) (key, agent string, ok bool) {
	if !m.own(self) || m.Metadata == nil || m.Metadata.EventType != EventNote {
		return "", "", false
	}
	key, _ = m.Metadata.Payload["key"].(string)
	agent, _ = m.Metadata.Payload["agent"].(string)
	return key, agent, key != "" && agent != ""
}

// own reports whether our bot wrote a message.
func (m Message) own(self Identity) bool {
	return m.BotID != "" && m.BotID == self.BotID || m.BotID == "" && m.User != "" && m.User == self.UserID
}

// history is the head of a history as metadata holds it.
func history(seq uint64, hash string) string {
	if seq == 0 {
		return ""
	}
	return strconv.FormatUint(seq, 10) + ":" + hash
}
