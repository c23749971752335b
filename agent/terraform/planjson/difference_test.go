package planjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		name                   string
		before, after, unknown string
		known, later           string
	}{
		{"nothing", `{"a":1,"b":[1]}`, `{"a":1,"b":[1]}`, `{}`, "", ""},
		{"order and spelling", `{"a":{"x":1,"y":2}}`, `{"a":{"y":2,"x":1}}`, `{"a":{}}`, "", ""},
		{"a value", `{"a":1}`, `{"a":2}`, `{}`, "a", ""},
		{"a large number", `{"a":9007199254740993}`, `{"a":9007199254740992}`, `{}`, "a", ""},
		{"known after the apply", `{"a":1}`, `{}`, `{"a":true}`, "", "a"},
		{"both", `{"a":1,"b":1}`, `{"b":2}`, `{"a":true}`, "b", "a"},
		{"in part, the rest the same", `{"a":{"x":1,"y":2}}`, `{"a":{"y":2}}`, `{"a":{"x":true}}`, "", "a"},
		{"in part, the rest another", `{"a":{"x":1,"y":2}}`, `{"a":{"y":3}}`, `{"a":{"x":true}}`, "a", ""},
		{"an element", `{"a":[1,2]}`, `{"a":[null,2]}`, `{"a":[true]}`, "", "a"},
		{"an element more", `{"a":[1]}`, `{"a":[1,null]}`, `{"a":[false,true]}`, "a", ""},
		{"a block that comes", `{"a":null}`, `{"a":{"x":1}}`, `{"a":{"y":true}}`, "a", ""},
		{"made", `null`, `{"a":1}`, `{"id":true}`, "a", "id"},
		{"an output", `"x"`, `"y"`, `false`, "", ""},
		{"an output later", `"x"`, ``, `true`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := func(s string) json.RawMessage { return json.RawMessage(s) }
			d := values{Before: raw(c.before), After: raw(c.after), AfterUnknown: raw(c.unknown)}.difference()
			known, later := strings.Join(d.Known, ","), strings.Join(d.Later, ",")
			if strings.HasPrefix(c.name, "an output") {
				if wantLater := c.unknown == "true"; (len(d.Later) == 1) != wantLater || (len(d.Known) == 1) == wantLater {
					t.Errorf("known %q, later %q", d.Known, d.Later)
				}
				return
			}
			if known != c.known || later != c.later {
				t.Errorf("known %q, later %q; want %q and %q", known, later, c.known, c.later)
			}
		})
	}
}

func TestConfigAddress(t *testing.T) {
	for address, want := range map[string]string{
		`a.b`:                                  "a.b",
		`a.b[0]`:                               "a.b",
		`module.m.a.b["x.y"]`:                  "m a.b",
		`module.m["a.b"].module.n[1].a.b["]"]`: "m n a.b",
		`module.m["\"]."].a.b`:                 "m a.b",
	} {
		modules, resource := configAddress(address)
		if got := strings.Join(append(modules, resource), " "); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
