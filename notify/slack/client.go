package slack

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sallyport/notify"
	"sallyport/notify/redact"
)

// Options say how to reach Slack.
type Options struct {
	Token   redact.Secret
	APIURL  string
	HTTP    *http.Client
	Log     *slog.Logger
	Timeout time.Duration
	Now     func() time.Time
}

// Client talks to one workspace.
type Client struct{}

// New makes a client.
func New(o Options) (*Client, error)                             { return &Client{}, nil }
func (c *Client) Identify(ctx context.Context) (Identity, error) { return Identity{}, nil }
func (c *Client) ResolveChannel(ctx context.Context, name string) (Channel, error) {
	return Channel{}, nil
}
func (c *Client) User(ctx context.Context, id string) (User, error)                  { return User{}, nil }
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error)        { return User{}, nil }
func (c *Client) GroupMembers(ctx context.Context, groupID string) ([]string, error) { return nil, nil }
func (m Message) Human(self Identity) (reason string, ok bool)                       { return "", false }
func (c *Client) History(ctx context.Context, channel, oldest string) ([]Message, error) {
	return nil, nil
}
func (c *Client) Latest(ctx context.Context, channel string) (Message, bool, error) {
	return Message{}, false, nil
}
func (c *Client) Replies(ctx context.Context, channel, thread, oldest string) ([]Message, error) {
	return nil, nil
}
func (c *Client) PostCard(ctx context.Context, channel string, card notify.Card) (ts string, err error) {
	return "", nil
}
func (c *Client) UpdateCard(ctx context.Context, channel, ts string, card notify.Card) error {
	return nil
}
func (c *Client) PostText(ctx context.Context, p Post) (ts string, err error) { return "", nil }
func (c *Client) UploadFile(ctx context.Context, f File) error                { return nil }
func (c *Client) FindCard(ctx context.Context, channel string, run int, agent, oldest string) (ts string, ok bool, err error) {
	return "", false, nil
}
func (c *Client) FindText(ctx context.Context, channel, thread, key, agent, oldest string) (ts string, ok bool, err error) {
	return "", false, nil
}
func (c *Client) FindFile(ctx context.Context, channel, thread, name string) (bool, error) {
	return false, nil
}
func (c *Client) Permalink(ctx context.Context, channel, ts string) (string, error) { return "", nil }

type Error struct {
	Method, Code, Needed, Provided string
	RetryAfter                     time.Duration
	Unknown                        bool
	Err                            error
	Hint                           string
}

func (e *Error) Error() string                   { return "" }
func RetryAfter(err error) (time.Duration, bool) { return 0, false }
func Unknown(err error) bool                     { return false }
func Permanent(err error) bool                   { return false }
