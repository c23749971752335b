package notify

import (
	"fmt"
	"slices"
	"strings"
)

// PlanWords are what somebody asks of a plan beside its stack: the same words as on the command line.
type PlanWords struct {
	Commit      string
	Replace     []string
	Targets     []string
	RefreshOnly bool
	Destroy     bool
	EmptyState  bool
	Vars        map[string]string
	Images      map[string]string
	Wrong       string // why the words were not understood; empty when they were
}

// parsePlanWords reads the options that follow a stack's name, and returns what comes after them, the reason. One dash does as
// well as two: phones make one long dash of two.
func parsePlanWords(rest string) (p PlanWords, reason string) {
	for {
		word, after := cutToken(rest)
		name, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !strings.HasPrefix(word, "-") || name == "" {
			if stray := strayOption(rest); stray != "" {
				return PlanWords{Wrong: fmt.Sprintf("--%s would be a part of the reason there; options come first, right behind the stack, and then the reason", stray)}, ""
			}
			return p, rest
		}
		name = strings.ToLower(name)
		switch name {
		case "refresh-only", "destroy", "empty-state":
			if joined {
				return PlanWords{Wrong: "--" + name + " takes no value"}, ""
			}
			p.RefreshOnly, p.Destroy = p.RefreshOnly || name == "refresh-only", p.Destroy || name == "destroy"
			p.EmptyState = p.EmptyState || name == "empty-state"
			rest = after
			continue
		case "commit", "replace", "target", "var", "image":
		case "reason":
			return p, rest
		default:
			return PlanWords{Wrong: fmt.Sprintf("there is no option --%s: they are --commit, --replace, --target, --refresh-only, --destroy, --empty-state, --var, --image, --reason", short(name))}, ""
		}
		if !joined {
			value, after = cutToken(after)
		}
		if wrong := p.set(name, value); wrong != "" {
			return PlanWords{Wrong: wrong}, ""
		}
		rest = after
	}
}

// planOptions are the options of a plan.
var planOptions = []string{"commit", "replace", "target", "refresh-only", "destroy", "empty-state", "var", "image"}

// strayOption is an option among the words of a reason, which asks for something that the plan would not do; empty if there is none. A
// dash that stands alone at the beginning belongs to what follows it.
func strayOption(reason string) string {
	typed := strings.Fields(reason)
	for i, word := range typed {
		bare := strings.TrimLeft(word, "-")
		name, _, _ := strings.Cut(strings.ToLower(bare), "=")
		marked := bare != word || i == 1 && strings.Trim(typed[0], "-") == ""
		if marked && slices.Contains(planOptions, name) {
			return name
		}
	}
	return ""
}

// set takes the value of an option.
func (p *PlanWords) set(name, value string) (wrong string) {
	value = unquote(strings.Trim(value, "`"))
	switch name {
	case "commit":
		p.Commit = value
	case "replace":
		p.Replace = append(p.Replace, unwrap(value))
	case "target":
		p.Targets = append(p.Targets, unwrap(value))
	default:
		key, text, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return fmt.Sprintf("it is --%s NAME=VALUE", name)
		}
		into := &p.Vars
		if name == "image" {
			into = &p.Images
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[key] = unquote(text)
	}
	if value == "" {
		return "something is missing after --" + name
	}
	return ""
}

// unquote takes one pair of quotes off, which held a value with blanks together.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// cutToken splits off the first word; blanks inside quotes are part of it.
func cutToken(s string) (token, rest string) {
	s = strings.TrimSpace(s)
	quoted := false
	for i, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			return s[:i], strings.TrimSpace(s[i:])
		}
	}
	return s, ""
}
