package doctor

import (
	"context"

	"sallyport/agent/control"
	unix "sallyport/agent/control/socket"
	"sallyport/agent/hint"
	"sallyport/notify/slack"
	"sallyport/notify/slack/socket"
	"sallyport/notify/words"
)

// slackSocket tries the app's token, and whether Slack lets a websocket be opened with it. A running agent is asked how its own is: for
// what is pressed Slack picks one of all that are open, and ours would do nothing about it.
func (d *doctor) slackSocket(ctx context.Context, s *section, client *slack.Client) {
	const check = "socket"
	if own := d.agentsSocket(ctx); own != nil && own.Connected {
		s.ok(check, "the agent has it open")
		others(s, own.Connections)
		buttonsNote(s)
		return
	}
	st, err := socket.Try(ctx, client)
	switch {
	case socket.Off(err):
		s.fail(check, hint.Of(err), "the app token is right, and Socket Mode is turned off for the app")
	case err != nil:
		s.fail(check, hint.Of(err), "%v", err)
	default:
		s.ok(check, "the app token (connections:write) and Socket Mode are in order")
		others(s, st.Connections)
		buttonsNote(s)
	}
}

// others tells of websockets that are not the agent's.
func others(s *section, connections int) {
	if connections > 1 {
		s.warn("other sockets", "make a Slack app and a token for each agent",
			"%s are open for this app: whoever has the others gets a part of what is pressed", words.CountOf(connections, "websocket", "websockets"))
	}
}

// buttonsNote says what nobody can ask Slack.
func buttonsNote(s *section) {
	s.ok("interactivity", "Slack tells nobody whether it is turned on: if Slack says \"not configured to handle interactive responses\" when a button is "+
		"pressed, turn it on (Interactivity & Shortcuts); slack-manifest-buttons.yaml has it, and the message events that make replies instant")
}

// agentsSocket is how the socket of a running agent is; nil if none runs, or it has none.
func (d *doctor) agentsSocket(ctx context.Context) *control.SlackSocket {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	client := unix.NewClient(d.cfg.Socket)
	defer client.Close()
	status, err := client.Status(ctx)
	if err != nil {
		return nil
	}
	return status.Agent.Socket
}
