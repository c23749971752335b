package slack

import "sallyport/store"

// Identity is who the token belongs to.
type Identity struct {
	TeamID, Team string
	EnterpriseID string // of a workspace in an Enterprise organisation
	UserID       string // the bot's user, whom people mention
	User         string // its name
	BotID        string // by which its messages are known
	URL          string // of the workspace
	Scopes       []string
}

// Channel is a public or private channel.
type Channel struct {
	ID, Name string
	Member   bool // the bot is in it
	Archived bool
	Shared   bool // with another workspace (Slack Connect), or about to be
	Private  bool
}

// User is a member of the workspace, or somebody who is not.
type User struct {
	ID, TeamID, Name, Email string
	EnterpriseID            string
	Deleted, Bot            bool
	Restricted              bool // a multi-channel guest
	UltraRestricted         bool // a single-channel guest
	Stranger                bool // from a shared channel's other side
}

// Group is a user group.
type Group struct{ ID, Name string }

// Active reports whether this is a full, active, human member. The caller compares TeamID with its own.
func (u User) Active() bool {
	return u.ID != "" && u.ID != slackbot && !u.Deleted && !u.Bot && !u.Restricted && !u.UltraRestricted && !u.Stranger
}

// Why says in a few words why a user is not [User.Active]; empty if it is.
func (u User) Why() string {
	switch {
	case u.Deleted:
		return "the account is deactivated"
	case u.Bot || u.ID == slackbot:
		return "it is a bot"
	case u.Restricted || u.UltraRestricted:
		return "it is a guest account"
	case u.Stranger:
		return "the account belongs to another workspace"
	case u.ID == "":
		return "there is no such account"
	}
	return ""
}

// slackbot is Slack's own assistant, which is no bot by its record.
const slackbot = "USLACKBOT"

// Message is one message, with the fields that decide whether it may count.
type Message struct {
	Channel, TS, ThreadTS      string
	User, BotID, AppID         string
	Subtype, Text              string
	Team, UserTeam, SourceTeam string
	ParentUser                 string // of a reply: who wrote what it answers
	Edited                     bool
	Workflow                   bool // sent by a workflow
	BotProfile                 bool
	Hidden                     bool
	ReplyCount                 int
	LatestReply                string
	Metadata                   *Metadata
	Files                      []Attached
	BlockIDs                   []string
	Digest                     string // SHA-256 of the raw JSON, hex
}

// Attached is a file of a message.
type Attached struct {
	Name      string
	Permalink string // as Slack sent it: see [Client.UploadFile]
}

// Metadata is what an app attached to a message. Any app can attach any metadata: look at the author first.
type Metadata struct {
	EventType string         `json:"event_type"`
	Payload   map[string]any `json:"event_payload"`
}

// Post is a message in words.
type Post struct {
	Channel   string
	Thread    string // ts of the parent; empty: a message of its own
	Text      string // plain text; nothing in it can mention, link or format
	Broadcast bool   // also sent to the channel
	Key       string // of the outbox entry, for [Client.FindText]
	Agent     string
	Mention   []string // user and group ids that are named in front of the text
	Run       int
	Links     []store.Link // shown below the text, the one thing in a message that leads anywhere
}

// File is a text file in a thread.
type File struct {
	Channel, Thread, Name, Title, Content string
	Comment                               string
}
