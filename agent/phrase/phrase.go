// Package phrase is how a run is told to people: what it was, how it ended, what it changes. Each is said in one place, so
// that the card in Slack, the command line, a commit's status and the log say the same.
package phrase

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// ReviewAdvice says how the breaking of the glass for a run is reviewed.
func ReviewAdvice(run int) string {
	return fmt.Sprintf("It stays marked until somebody else has reviewed it: reply review in this thread, or sallyport review %d", run)
}

// GlassText is what a card says of a run whose glass was broken; empty of any other.
func GlassText(g *store.BreakGlass) string {
	if g == nil {
		return ""
	}
	text := fmt.Sprintf("BREAK GLASS by %s: %s", g.By, g.Reason)
	if g.ReviewedBy != "" {
		return text + fmt.Sprintf(" (reviewed by %s on %s)", g.ReviewedBy, g.ReviewedAt.UTC().Format("2006-01-02 15:04 MST"))
	}
	return text + " (nobody else has reviewed it yet)"
}

// Whole is a stack as the beginning of a sentence; the agent, if there is no name.
func Whole(stack string) string {
	if stack == "" {
		return "The agent"
	}
	return "Stack " + stack
}

// MaxBehind bounds how many commits are looked at to say how far a stack is behind.
const MaxBehind = 100

// Position says on the card how the run's commit lies to the one that is applied.
func Position(run *store.Run, st *store.StackState) string {
	switch {
	case st.Destroyed != nil:
		return fmt.Sprintf("nothing of this stack is applied: #%d destroyed it", st.Destroyed.Run)
	case st.AppliedCommit == "" && st.LastApply != 0:
		return fmt.Sprintf("no apply of this stack has ended well yet; the last one was #%d", st.LastApply)
	case st.AppliedCommit == "":
		return "nothing of this stack was applied by sallyport yet"
	case run.Commit == st.AppliedCommit:
		return "at the applied commit"
	case run.Kind == store.KindCommit && st.Behind == 1 && st.BehindBy == run.Commit:
		return "" // it is the commit that the card names
	case st.Behind == 1:
		return "with 1 commit that was not applied yet"
	case st.Behind >= MaxBehind:
		return fmt.Sprintf("with %d or more commits that were not applied yet", MaxBehind)
	case st.Behind > 1:
		return "with " + words.CountOf(st.Behind, "commit that was", "commits that were") + " not applied yet"
	case st.Behind < 0:
		return "nobody knows how many commits it is ahead of the applied one"
	default:
		return "no commit since the applied one touches this stack"
	}
}

// UseText is an image that a plan uses: its ids, and where they are from.
func UseText(use store.ImageUse) string {
	text := ArtifactNames(use.Artifacts)
	switch {
	case use.Given && use.Run == 0:
		text += ", named by a person"
	case use.Given:
		text += fmt.Sprintf(" of build #%d, named by a person", use.Run)
	default:
		text += fmt.Sprintf(" of build #%d", use.Run)
	}
	return text
}

// ArtifactNames are artifacts in words.
func ArtifactNames(list []store.Artifact) string {
	var names []string
	for _, a := range list {
		name := a.ID
		if a.Region != "" {
			name += " in " + a.Region
		}
		names = append(names, name)
	}
	return words.List(names, 10)
}

// Facts are the lines of the card about the pull requests that a run's changes came by.
func Facts(o *store.Origin) []string {
	if o == nil {
		return nil
	}
	var lines []string
	for i, p := range o.Pulls {
		if i == 3 {
			lines = append(lines, "and "+words.More(len(o.Pulls)-i, strings.TrimRight(notify.Merged(p), " #!0123456789")))
			break
		}
		line := fmt.Sprintf("%s by %s", notify.Merged(p), somebody(p.Author))
		if len(p.Reviewers) > 0 {
			line += ", approved by " + words.List(p.Reviewers, 5)
		} else {
			line += ", approved by nobody"
		}
		lines = append(lines, fmt.Sprintf("%s, merged by %s: %s", line, somebody(p.MergedBy), p.Title))
	}
	return lines
}

func somebody(login string) string {
	if login == "" {
		return "somebody who is gone"
	}
	return login
}

// Because sets the reason why a run ended.
func Because(text string) func(*store.Run) error {
	return func(r *store.Run) error {
		r.Error = text
		return nil
	}
}

// SlackTime is a time as Slack writes it in a ts.
func SlackTime(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + ".000000"
}

// TimeOf reads a ts as a time; ts are compared as text, never as numbers with a fraction.
func TimeOf(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, _ := strconv.ParseInt(seconds, 10, 64)
	us, _ := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	return time.Unix(s, us*1000).UTC()
}

// LaterTS reports whether ts a is after b.
func LaterTS(a, b string) bool { return slack.CompareTS(a, b) > 0 }
