package notify

// Text is the line for a lock screen.
func (c Card) Text() string { return "" }

// Reply says what to reply.
func (c Card) Reply() string { return "" }

// StatusWord is the word for the status.
func (c Card) StatusWord() string { return "" }

// Lines are the numbered changing addresses.
func (c Card) Lines() []string { return nil }

// Plain is the whole card as plain text.
func (c Card) Plain() string { return "" }
