package notify

// Command is what a person tells the bot in the channel.
type Command struct {
	Verb   string
	Args   []string
	Reason string
}

// ParseCommand reads a message that begins with a mention of the bot.
func ParseCommand(text, botUserID string) (Command, bool) { return Command{}, false }
