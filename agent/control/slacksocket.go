package control

import "time"

// SlackSocket is how the websocket to Slack is.
type SlackSocket struct {
	Connected   bool       `json:"connected"`
	Since       *time.Time `json:"since"`       // connected, or lost, since; null: it was never open
	Error       string     `json:"error"`       // why it is not open
	Hint        string     `json:"hint"`        // what a person can do about that
	Connects    int        `json:"connects"`    // how often it was opened
	Connections int        `json:"connections"` // how many were open for the app then, this one included
}
