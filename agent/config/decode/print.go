package decode

import "fmt"

// PrintPlain prints a value whose type has no methods. Every verb is %v, the one that asks secrets for their text.
func PrintPlain(f fmt.State, verb rune, value any) {
	if verb != 'v' {
		fmt.Fprintf(f, "%v", value)
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), value)
}
