package planjson

import "strings"

// Matches reports whether a pattern of protect or replaceable matches the address of a resource. A star stands for any characters,
// dots and brackets included; everything else is literal. The address matches as a whole or without any number of
// the modules that it begins with: aws_ebs_volume.* matches module.ghe["a.b"].aws_ebs_volume.data.
func Matches(pattern, address string) bool {
	for {
		if wildcard(pattern, address) {
			return true
		}
		rest, ok := withoutModule(address)
		if !ok {
			return false
		}
		address = rest
	}
}

// Within reports whether an object is one of those that the address of a module or a resource targets: it, or an instance of it, or in it.
func Within(target, address string) bool {
	rest, ok := strings.CutPrefix(address, target)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// wildcard matches text against a pattern in which only stars are special.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text[len(first):], last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// withoutModule cuts the first module.name["key"]. off an address. Keys can hold dots, brackets and escaped quotes.
func withoutModule(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, "module.")
	if !ok {
		return "", false
	}
	quoted := false
	for i := 0; i < len(rest); i++ {
		switch {
		case quoted && rest[i] == '\\':
			i++
		case rest[i] == '"':
			quoted = !quoted
		case !quoted && rest[i] == '.':
			return rest[i+1:], true
		}
	}
	return "", false
}

// configAddress is where an object stands in the configuration: the names of its modules, and type.name.
func configAddress(address string) (modules []string, resource string) {
	for {
		rest, ok := withoutModule(address)
		if !ok {
			parts := strings.Split(withoutIndexes(address), ".")
			return modules, strings.Join(parts[:min(2, len(parts))], ".")
		}
		name := withoutIndexes(strings.TrimPrefix(strings.TrimSuffix(address, "."+rest), "module."))
		modules, address = append(modules, name), rest
	}
}

// withoutIndexes takes ["key"] and [0] out of an address. Keys can hold brackets and escaped quotes.
func withoutIndexes(address string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(address); i++ {
		c := address[i]
		switch {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
