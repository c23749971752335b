package planjson_test

import (
	"testing"

	"sallyport/agent/terraform/planjson"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		target, address string
		want            bool
	}{
		{"aws_x.y", "aws_x.y", true},
		{"aws_x.y", `aws_x.y["a"]`, true},
		{"aws_x.y", "aws_x.yy", false},
		{"aws_x.y[0]", "aws_x.y[0]", true},
		{"aws_x.y[1]", "aws_x.y[10]", false},
		{"module.a", "module.a.aws_x.y", true},
		{"module.a", `module.a["k"].module.b.aws_x.y`, true},
		{"module.a", "module.ab.aws_x.y", false},
		{"module.a.aws_x.y", "aws_x.y", false},
	} {
		if got := planjson.Within(c.target, c.address); got != c.want {
			t.Errorf("%s within %s: %t", c.address, c.target, got)
		}
	}
}
