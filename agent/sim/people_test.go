package sim

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// The people. Jane and Joe may decide, Eve may not.
const (
	jane = "U01JANE"
	joe  = "U02JOE"
	eve  = "U03EVE"
)

func newSlack() *slacktest.Server {
	return slacktest.NewUnserved(slacktest.Options{
		Users: []slacktest.User{
			{ID: jane, Name: "jane", Email: "jane@example.com"}, {ID: joe, Name: "joe", Email: "joe@example.com"},
			{ID: eve, Name: "eve", Email: "eve@example.com"},
		},
		Channels: []slacktest.Channel{{ID: ops, Name: "ops", Member: true}},
	})
}

// asks reports whether a message is a run's that waits for a decision, and whether it destroys something.
func asks(m slacktest.Message) (run int, digest string, destroys, ok bool) {
	run, _, digest, _, isCard := m.Run()
	text := m.Visible()
	if !isCard || digest == "" || !strings.Contains(text, "approve") {
		return 0, "", false, false
	}
	return run, digest, strings.Contains(text, "approve destroy"), true
}

// says replies in a thread, and remembers what the message above showed at that moment.
func (w *world) says(user string, m slacktest.Message, words string) *vote {
	run, _, digest, _, _ := m.Run()
	v := &vote{user: user, words: words, run: run, digest: digest, at: time.Now(), thread: m.TS, ts: w.slack.Reply(user, ops, m.TS, words)}
	w.promise.voted(v)
	w.note("%s says to #%d: %s", user, run, words)
	return v
}

// decide has somebody look at the channel, and do something about what asks there.
func (w *world) decide() {
	user := w.pick("people", jane, joe, jane, joe, eve)
	for _, m := range w.slack.Messages(ops) {
		_, _, destroys, ok := asks(m)
		if !ok {
			if _, _, _, _, isCard := m.Run(); isCard && w.chance("people", 0.01) {
				w.says(user, m, "approve") // too late
			}
			continue
		}
		right := "approve"
		if destroys {
			right = "approve destroy"
		}
		switch roll := w.roll("people"); {
		case destroys && roll < 0.25:
			w.says(user, m, "approve") // unread
		case roll < 0.42:
			w.says(user, m, right)
		case roll < 0.44:
			w.says(user, m, "deny not now")
		case roll < 0.47:
			w.says(user, m, right)
			w.says(user, m, right)
		case roll < 0.53:
			w.says(user, m, "approve") // of whatever it is
		case roll < 0.55:
			w.says(user, m, "looks good to me")
		case roll < 0.58: // a workflow in somebody's name
			w.slack.Post(slacktest.Message{Channel: ops, ThreadTS: m.TS, User: jane, BotID: "B0OTHER", Text: right})
		case roll < 0.61: // talk becomes a decision
			w.slack.Edit(ops, w.slack.Reply(joe, ops, m.TS, "let me see"), right)
		case roll < 0.65:
			v := w.says(user, m, right)
			w.pass(w.between("people", time.Second, 2*time.Minute))
			w.regret(v)
		}
	}
}

// regret takes a word back.
func (w *world) regret(v *vote) {
	if w.chance("people", 0.5) {
		w.slack.Delete(ops, v.ts)
	} else {
		w.slack.Edit(ops, v.ts, "better not")
	}
	w.promise.mu.Lock()
	v.gone = time.Now()
	w.promise.mu.Unlock()
	w.note("%s takes back %q about #%d", v.user, v.words, v.run)
}

// command tells the agent something in the channel.
func (w *world) command(user, text string) {
	w.note("%s commands: %s", user, text)
	w.slack.Say(user, ops, fmt.Sprintf("<@%s> %s", w.slack.BotUserID(), text))
}

// order is a command of one of the people.
func (w *world) order() {
	user := w.pick("people", jane, joe, jane, eve)
	stack := w.pick("people", "network", "app", "edge")
	switch w.pick("people", "plan", "plan", "plan", "pause", "resume", "resume", "cancel", "recover", "status", "destroy", "pauseall", "resumeall", "accept", "unlock") {
	case "plan":
		w.command(user, "plan "+stack+" because I can")
	case "pause":
		w.command(user, "pause "+stack)
	case "resume":
		w.command(user, "resume "+stack)
	case "pauseall":
		w.command(user, "pause")
	case "resumeall":
		w.command(user, "resume")
	case "cancel":
		if run := w.newestRun(); run > 0 {
			w.command(user, fmt.Sprintf("cancel %d", run))
		}
	case "recover":
		w.command(user, "recover "+stack+" it is broken")
	case "destroy":
		w.command(user, "plan "+stack+" --destroy start anew")
	case "accept":
		w.command(user, "accept infra "+w.git.tip().Hash[:12])
	case "unlock":
		w.tidy(user)
	default:
		w.command(user, "status")
	}
}

// upstream is how a run says that it waits for a stack that nothing goes on in.
var upstream = regexp.MustCompile(`waits for ([a-z]+), whose run #[0-9]+ ended`)

func (w *world) newestRun() (newest int) {
	w.view(func(tx *store.Tx) error {
		runs, err := tx.OpenRuns()
		for _, r := range runs {
			newest = max(newest, r.ID)
		}
		return err
	})
	return newest
}

// tidy has somebody do about what was left behind what the agent asks for.
func (w *world) tidy(user string) {
	var words []string
	w.view(func(tx *store.Tx) error {
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		for _, st := range stacks {
			if st.LeftLock != nil && st.LeftLock.ID != "" {
				words = append(words, fmt.Sprintf("unlock %s %s", st.Name, st.LeftLock.ID))
			}
			if st.LeftState != "" {
				words = append(words, "state push "+st.Name)
			}
		}
		runs, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		for _, r := range runs {
			if m := upstream.FindStringSubmatch(r.Held); m != nil {
				words = append(words, "plan "+m[1]+" others wait for it")
			}
		}
		infra, err := tx.Repository("infra")
		if err == nil && infra.HeldHead != "" {
			words = append(words, "accept infra "+infra.HeldHead[:12])
		}
		return err
	})
	for _, text := range words {
		w.command(user, text)
	}
}
