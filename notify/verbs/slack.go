package verbs

import (
	"regexp"
	"strings"
)

// InSlack puts advice for the command line into the words of Slack: what the bot does as well is told the bot, under its name there.
// What only a shell can do stays what it is.
func InSlack(advice, bot string) string {
	if bot == "" || !strings.Contains(advice, "sallyport ") {
		return advice
	}
	var out strings.Builder
	end := 0
	for _, at := range order().FindAllStringSubmatchIndex(advice, -1) {
		verb, after := advice[at[4]:at[5]], advice[at[5]:]
		v, _, _ := Find(strings.Fields(verb))
		if !v.Plan && withOption.MatchString(after) {
			continue // the options of show and its like are the command line's
		}
		out.WriteString(advice[end:at[3]] + "@" + bot + " " + verb)
		end = at[5]
	}
	return out.String() + advice[end:]
}

// withOption is what follows a verb with an option of the command line: " 12 --plan".
var withOption = regexp.MustCompile(`^(?: [\w.#-]+)? --`)

// order finds the verbs of the command line that are the bot's too.
func order() *regexp.Regexp {
	var names []string
	for _, v := range Verbs() {
		if v.Place == Channel {
			names = append(names, v.Name)
		}
	}
	return regexp.MustCompile(`(^|[^@/\w-])sallyport (` + strings.Join(names, "|") + `)\b`)
}
