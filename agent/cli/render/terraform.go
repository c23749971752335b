package render

import (
	"regexp"
	"strings"
)

// The texts are kept without colours. These put terraform's own ones back, line by line, from the signs that it prints.
var (
	planSign   = regexp.MustCompile(`^(\s*)(-/\+|\+/-|<=|\+|-|~)(\s)`)
	planHeader = regexp.MustCompile(`^\s*# `)
	planLoud   = regexp.MustCompile(`\b(destroyed|replaced|forces replacement|tainted)\b`)
	summary    = regexp.MustCompile(`^(Plan:|Apply complete!|Destroy complete!|No changes\.|Changes to Outputs:|Note:|Terraform will perform)`)
	trouble    = regexp.MustCompile(`^\W*(Error|Warning):`)
)

// PlanColours colours a plan in terraform's way.
func PlanColours(text string) string {
	return eachLine(text, func(line string) string {
		switch {
		case planHeader.MatchString(line):
			return paint(bold, planLoud.ReplaceAllStringFunc(line, func(s string) string { return paint(redBold, s) + boldAgain }))
		case summary.MatchString(line):
			return paint(bold, line)
		case trouble.MatchString(line):
			return troubled(line)
		}
		m := planSign.FindStringSubmatchIndex(line)
		if m == nil {
			return strings.Replace(line, "# forces replacement", paint(red, "# forces replacement"), 1)
		}
		sign := line[m[4]:m[5]]
		rest := strings.Replace(line[m[5]:], "# forces replacement", paint(red, "# forces replacement"), 1)
		return line[:m[4]] + paint(signStyle(sign), sign) + rest
	})
}

// boldAgain turns bold on after a word of its own colour inside a bold line, whose end would end that too.
const boldAgain = "\x1b[1m"

// LogColours colours what terraform said while it applied.
func LogColours(text string) string {
	return eachLine(text, func(line string) string {
		switch {
		case trouble.MatchString(line):
			return troubled(line)
		case summary.MatchString(line):
			return paint(bold, line)
		}
		return line
	})
}

func troubled(line string) string {
	if strings.Contains(line, "Error:") {
		return paint(redBold, line)
	}
	return paint(yellowBold, line)
}

func signStyle(sign string) style {
	switch sign {
	case "+":
		return green
	case "~":
		return yellow
	case "<=":
		return cyan
	default:
		return red
	}
}

// eachLine colours lines one by one; a line's end stays outside.
func eachLine(text string, colour func(string) string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = colour(l)
		}
	}
	return strings.Join(lines, "\n")
}
