package slackbot

// What this room keeps in the store, by name.
const (
	peersKey  = "slack/peers" // the other agents that were heard
	epochsKey = "epochs"      // what this data directory was called at each of its starts, newest last
)

// obeyedKey is the ts of the last command of a channel that was obeyed, or answered.
func obeyedKey(channel string) string { return "slack/command/" + channel }

// obeyingKey is the ts of the command of a channel that is being obeyed; empty if none is.
func obeyingKey(channel string) string { return "slack/obeying/" + channel }
