package socket

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/redact"
	"sallyport/notify/slack"
)

// What Slack sends, cut to what is of interest and with members that are not known here.
const (
	clickJSON = `{"type":"block_actions","user":{"id":"U01JANE","username":"jane","name":"jane","team_id":"T01HOME"},"api_app_id":"A0SALLY",
		"token":"verification","container":{"type":"message","message_ts":"1548261231.000200","channel_id":"C0000OPS","is_ephemeral":false},
		"trigger_id":"12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3","team":{"id":"T01HOME","domain":"home"},
		"enterprise":null,"is_enterprise_install":false,"channel":{"id":"C0000OPS","name":"ops"},
		"message":{"bot_id":"B0SALLY","type":"message","text":"x","user":"U0SALLY","ts":"1548261231.000200","thread_ts":"1548261231.000200",
			"blocks":[{"type":"some_block_of_next_year","odd":[1,{"a":null}]}]},
		"state":{"values":{}},"response_url":"https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209",
		"actions":[{"action_id":"approve","block_id":"sallyport/12","text":{"type":"plain_text","text":"Approve"},"value":"12:abc",
			"style":"primary","type":"button","action_ts":"1548426417.840180"}]}`
	modalClickJSON = `{"type":"block_actions","user":{"id":"U01JANE","team_id":"T01HOME"},"api_app_id":"A0SALLY",
		"container":{"type":"view","view_id":"V111"},"trigger_id":"1.2.3","team":null,"enterprise":{"id":"E0BIG","name":"big"},
		"view":{"id":"V111","hash":"156772938.1827394","callback_id":"details","private_metadata":"12","root_view_id":"V111",
			"state":{"values":{"pages":{"page":{"type":"static_select","selected_option":{"text":{"type":"plain_text","text":"2"},"value":"2"}}}}}},
		"actions":[{"type":"checkboxes","action_id":"tick","block_id":"ticks","selected_options":[{"value":"a"},{"value":"b"}],"action_ts":"1548426417.840180"}]}`
	submitJSON = `{"type":"view_submission","team":{"id":"T01HOME"},"user":{"id":"U01JANE","team_id":"T01HOME"},"api_app_id":"A0SALLY","trigger_id":"1.2.3",
		"view":{"id":"VNHU13V36","type":"modal","hash":"156663117.cd33ad1f","callback_id":"deny","private_metadata":"shhh-its-secret","root_view_id":"V0ROOT",
			"blocks":[],"state":{"values":{"why":{"text":{"type":"plain_text_input","value":"not on a Friday"}},
			"none":{"text":{"type":"plain_text_input","value":null}},"box":{"ticks":{"type":"checkboxes","selected_options":[]}}}}},"response_urls":[]}`
	closedJSON  = `{"type":"view_closed","team":{"id":"T01HOME"},"user":{"id":"U01JANE"},"api_app_id":"A0SALLY","view":{"id":"V1","hash":"h"},"is_cleared":true}`
	messageJSON = `{"token":"x","team_id":"T01HOME","api_app_id":"A0SALLY","event":{"type":"message","channel":"C0000OPS","user":"U01JANE","text":"approve",
		"ts":"1355517523.000005","thread_ts":"1355517500.000001","event_ts":"1355517523.000005","channel_type":"channel","team":"T01HOME"},
		"type":"event_callback","event_id":"Ev01","event_time":1355517523,"authorizations":[{"team_id":"T01HOME"}]}`
	editedJSON = `{"team_id":"T01HOME","api_app_id":"A0SALLY","type":"event_callback","event":{"type":"message","subtype":"message_changed","hidden":true,
		"channel":"C0000OPS","ts":"1358878755.000001","event_ts":"1358878755.000001",
		"message":{"type":"message","user":"U01JANE","text":"deny","ts":"1355517523.000005","thread_ts":"1355517500.000001"},
		"previous_message":{"type":"message","user":"U01JANE","text":"approve","ts":"1355517523.000005","thread_ts":"1355517500.000001"}}}`
	deletedJSON = `{"team_id":"T01HOME","api_app_id":"A0SALLY","type":"event_callback","event":{"type":"message","subtype":"message_deleted","hidden":true,
		"channel":"C0000OPS","ts":"1358878755.000001","deleted_ts":"1355517523.000005","event_ts":"1358878755.000002",
		"previous_message":{"type":"message","user":"U01JANE","ts":"1355517523.000005","thread_ts":"1355517500.000001"}}}`
	reactionJSON = `{"team_id":"T01HOME","type":"event_callback","event":{"type":"reaction_added","user":"U01JANE","reaction":"eyes","item":{"type":"message"}}}`
)

func TestDecode(t *testing.T) {
	t.Parallel()
	came := time.Unix(1700000000, 0).UTC()
	pressed := time.Unix(1548426417, 840180000).UTC()
	jane := Event{Envelope: "e1", App: "A0SALLY", User: "U01JANE", Team: "T01HOME", Workspace: "T01HOME", At: came}
	with := func(f func(*Event)) []Event {
		e := jane
		f(&e)
		return []Event{e}
	}
	reply := func(at time.Time) []Event {
		return with(func(e *Event) {
			e.Kind, e.Channel, e.Message, e.Thread, e.At = Said, "C0000OPS", "1355517523.000005", "1355517500.000001", at
		})
	}
	for name, test := range map[string]struct {
		kind, payload string
		want          []Event
	}{
		"a button": {"interactive", clickJSON, with(func(e *Event) {
			e.Kind, e.Channel, e.Message, e.Thread, e.At = Click, "C0000OPS", "1548261231.000200", "1548261231.000200", pressed
			e.Action, e.Block, e.Value, e.Trigger = "approve", "sallyport/12", "12:abc", "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3"
			e.ResponseURL = redact.NewSecret("https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209")
		})},
		"ticks in a modal": {"interactive", modalClickJSON, with(func(e *Event) {
			e.Kind, e.Workspace, e.Enterprise, e.Trigger, e.At = Click, "", "E0BIG", "1.2.3", pressed
			e.Action, e.Block, e.Options = "tick", "ticks", []string{"a", "b"}
			e.View = &View{ID: "V111", Hash: "156772938.1827394", Root: "V111", Callback: "details", Private: "12", State: map[string]map[string]Field{
				"pages": {"page": {Value: "2"}},
			}}
		})},
		"a modal is submitted": {"interactive", submitJSON, with(func(e *Event) {
			e.Kind, e.Trigger = Submitted, "1.2.3"
			e.View = &View{ID: "VNHU13V36", Hash: "156663117.cd33ad1f", Root: "V0ROOT", Callback: "deny", Private: "shhh-its-secret", State: map[string]map[string]Field{
				"why": {"text": {Value: "not on a Friday"}}, "none": {"text": {}}, "box": {"ticks": {}},
			}}
		})},
		"all modals are closed": {"interactive", closedJSON, with(func(e *Event) {
			e.Kind, e.Team, e.View = Closed, "", &View{ID: "V1", Hash: "h", State: map[string]map[string]Field{}, Cleared: true}
		})},
		"a reply":            {"events_api", messageJSON, reply(time.Unix(1355517523, 5000).UTC())},
		"an edited reply":    {"events_api", editedJSON, withoutTeam(reply(time.Unix(1358878755, 1000).UTC()))},
		"a deleted reply":    {"events_api", deletedJSON, withoutTeam(reply(time.Unix(1358878755, 2000).UTC()))},
		"another event":      {"events_api", reactionJSON, nil},
		"a slash command":    {"slash_commands", `{"command":"/x"}`, nil},
		"a shortcut":         {"interactive", `{"type":"shortcut","user":{"id":"U01JANE"}}`, nil},
		"a type of tomorrow": {"telepathy", `[1]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decode(frame{Type: test.kind, Envelope: "e1", Payload: json.RawMessage(test.payload)}, came)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b redact.Secret) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withoutTeam(events []Event) []Event { events[0].Team = ""; return events }

// What somebody could make Slack send, or what somebody in its place could send, is refused whole.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	many := strings.Repeat(`{"action_id":"a"},`, maxParts) + `{"action_id":"a"}`
	click := func(rest string) string {
		return `{"type":"block_actions","user":{"id":"U01JANE"},` + rest + `}`
	}
	for name, test := range map[string]struct{ envelope, payload, want string }{
		"no envelope":          {"", clickJSON, "no id"},
		"no payload":           {"e", ``, "reading the payload"},
		"a list":               {"e", `[]`, "reading the payload"},
		"a number for a name":  {"e", `{"type":"block_actions","user":{"id":7}}`, "reading the payload"},
		"cut off":              {"e", clickJSON[:200], "reading the payload"},
		"nobody":               {"e", `{"type":"block_actions","actions":[{"action_id":"a"}]}`, "who did it"},
		"no action":            {"e", click(`"actions":[]`), "no action"},
		"too many actions":     {"e", click(`"actions":[` + many + `]`), "no action, or more"},
		"an action without id": {"e", click(`"actions":[{"value":"x"}]`), "without an id"},
		"a long value":         {"e", click(`"actions":[{"action_id":"a","value":"` + long + `"}]`), "longer than"},
		"a long choice":        {"e", click(`"actions":[{"action_id":"a","selected_options":[{"value":"` + long + `"}]}]`), "longer than"},
		"a long field":         {"e", click(`"actions":[{"action_id":"a"}],"view":{"id":"V","state":{"values":{"b":{"f":{"value":"` + long + `"}}}}}`), "longer than"},
		"too many fields": {"e", click(`"actions":[{"action_id":"a"}],"view":{"id":"V","state":{"values":{"b":{"f":{"selected_options":[` +
			strings.Repeat(`{"value":"x"},`, maxParts) + `{"value":"x"}]}}}}}`), "too many fields"},
		"submitted without view": {"e", `{"type":"view_submission","user":{"id":"U01JANE"}}`, "no view"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decode(frame{Type: "interactive", Envelope: test.envelope, Payload: json.RawMessage(test.payload)}, time.Now())
			if err == nil || !strings.Contains(err.Error(), test.want) || got != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	modal := &slack.Modal{Type: "modal", CallbackID: "x"}
	big := &slack.Modal{Type: "modal", PrivateMetadata: strings.Repeat("x", maxAck)}
	for name, test := range map[string]struct {
		frame  frame
		answer Answer
		want   string
		fault  string
	}{
		"plain":          {frame{Envelope: "e"}, Answer{}, `{"envelope_id":"e"}`, ""},
		"errors":         {frame{Envelope: "e", AcceptsPayload: true}, Answer{Errors: map[string]string{"why": "say why"}}, `{"envelope_id":"e","payload":{"errors":{"why":"say why"},"response_action":"errors"}}`, ""},
		"update":         {frame{Envelope: "e", AcceptsPayload: true}, Answer{View: modal}, `{"envelope_id":"e","payload":{"response_action":"update","view":{"type":"modal","blocks":null,"callback_id":"x"}}}`, ""},
		"push":           {frame{Envelope: "e", AcceptsPayload: true}, Answer{View: modal, Action: "push"}, `{"envelope_id":"e","payload":{"response_action":"push","view":{"type":"modal","blocks":null,"callback_id":"x"}}}`, ""},
		"clear":          {frame{Envelope: "e", AcceptsPayload: true}, Answer{Action: "clear"}, `{"envelope_id":"e","payload":{"response_action":"clear"}}`, ""},
		"nobody asked":   {frame{Envelope: "e"}, Answer{Action: "clear"}, `{"envelope_id":"e"}`, "takes no answer"},
		"more than fits": {frame{Envelope: "e", AcceptsPayload: true}, Answer{View: big}, `{"envelope_id":"e"}`, "Slack drops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := acknowledgement(test.frame, test.answer)
			if string(got) != test.want {
				t.Errorf("%s", got)
			}
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Whoever is between must not be able to press buttons.
func TestTrusted(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"wss://wss-primary.slack.com/link/?ticket=1": true, "ws://127.0.0.1:80/link": true, "ws://[::1]:80/link": true, "ws://localhost/link": true,
		"ws://wss-primary.slack.com/link": false, "http://127.0.0.1/link": false, "ws://127.0.0.1.example.com/": false, "": false, "%": false,
	} {
		if err := trusted(address); err == nil != want {
			t.Errorf("%q: %v", address, err)
		}
	}
}
