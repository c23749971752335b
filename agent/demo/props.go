package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/notify/github/githubtest"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// Who and what there is at the stand-ins.
const (
	channel  = "C0000OPS"
	kim      = "U0000KIM" // the person at this keyboard, who may approve
	infraHub = "ops/infra"
)

// props are the stand-ins for Slack and GitHub: each a server on loopback that answers what the agent asks, for as long as the demo
// lasts. The third one, the cloud, is in package cloud.
type props struct {
	slack  *slacktest.Server
	github *githubtest.Server
}

func newProps() (*props, error) {
	slack, err := slacktest.New(slacktest.Options{
		Users:    []slacktest.User{{ID: kim, Name: "kim", RealName: "Kim", DisplayName: "kim"}},
		Channels: []slacktest.Channel{{ID: channel, Name: "ops", Member: true}},
	})
	if err != nil {
		return nil, fmt.Errorf("making the stand-in for Slack: %w", err)
	}
	hub, err := githubtest.New(githubtest.Options{
		Users: []githubtest.User{{ID: 7, Login: "jane"}},
		Repositories: []githubtest.Repository{{
			ID: 42, Name: infraHub, Private: true, Access: map[string]string{"jane": "write", "sallyport-bot": "write"},
		}},
	})
	if err != nil {
		slack.Close()
		return nil, fmt.Errorf("making the stand-in for GitHub: %w", err)
	}
	return &props{slack, hub}, nil
}

func (p *props) close() {
	p.slack.Close()
	p.github.Close()
}

// fullPlan is in the message of a run that waits for people from when its plan is in the thread, a moment after the message.
const fullPlan = "|The whole plan>"

// card waits until the message of a run is in the channel and says that it is in a status.
func (p *props) card(ctx context.Context, run int, status string) (slacktest.Message, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no message says that #%d is %s", run, status))
	defer cancel()
	m, err := p.slack.WaitMessage(ctx, channel, func(m slacktest.Message) bool {
		id, _, _, _, ok := m.Run()
		first, _, _ := strings.Cut(m.Visible(), "\n")
		return ok && id == run && strings.Contains(first, status) && (status != string(store.Planned) || strings.Contains(m.Visible(), fullPlan))
	})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return m, err
}

// speech is something that Kim has written in a thread.
type speech struct {
	thread, ts string
	private    int // what he alone had been shown before
	reads      int // how often the agent had looked before
}

// says has Kim write in a thread.
func (p *props) says(thread, text string) speech {
	return speech{
		private: len(p.slack.Ephemerals(channel)), reads: p.slack.Calls(reading),
		thread: thread, ts: p.slack.Reply(kim, channel, thread, text),
	}
}

// reading is what the agent asks of Slack again and again, to see which threads have grown.
const reading = "conversations.history"

// enoughReads after somebody's words the agent has read them and answered, if it answers at all.
const enoughReads = 5

// answer is what the bot says to it, to all in the thread or to Kim alone; empty: nothing.
type answer struct {
	text    string
	private bool
}

// answered waits until something happens after what Kim has said: the run moves on, or the bot answers. Where it may be that
// neither happens, since the words may be talk, an empty answer says so.
func (p *props) answered(ctx context.Context, said speech, talk bool, moved func() (bool, error)) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("nothing came of what was said in the thread"))
	defer cancel()
	soon := time.Now().Add(hearing)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		enough := p.slack.Calls(reading) >= said.reads+enoughReads && time.Now().After(soon)
		if done, err := moved(); done || err != nil {
			return answer{}, err
		}
		if private := p.slack.Ephemerals(channel); len(private) > said.private {
			return answer{private[said.private].Visible(), true}, nil
		}
		replies := p.slack.Thread(channel, said.thread)
		if i := slices.IndexFunc(replies, func(m slacktest.Message) bool {
			return m.BotID != "" && m.TS > said.ts && len(m.Files) == 0
		}); i >= 0 {
			return answer{text: replies[i].Visible()}, nil
		}
		if talk && enough {
			return answer{}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return answer{}, context.Cause(ctx)
		}
	}
}

// comment waits for the agent's comment on a pull request that says something.
func (p *props) comment(ctx context.Context, number int, says string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no comment on pull request #%d says %q", number, says))
	defer cancel()
	var found string
	err := p.github.WaitFor(ctx, func() bool {
		for _, c := range p.github.Comments(infraHub, number) {
			if c.Author != "jane" && strings.Contains(c.Body, says) {
				found = c.Body
			}
		}
		return found != ""
	})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return found, err
}

// status waits until a commit's status of the stack says how its plan ended.
func (p *props) status(ctx context.Context, commit string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the pull request has no status"))
	defer cancel()
	var found string
	err := p.github.WaitFor(ctx, func() bool {
		st, ok := p.github.Status(infraHub, commit, "sallyport/"+stackName)
		found = fmt.Sprintf("%s  %s  %s", st.Context, st.State, st.Description)
		return ok && st.State != "pending"
	})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return found, err
}
