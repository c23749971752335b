package socket_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sallyport/agent/patience"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/slack/socket"
)

// Whoever answers in Slack's place and talks nonsense, much of it or without end, is left, rested from, and quoted briefly.
func TestNonsense(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for name, say := range map[string]func(*websocket.Conn) error{
		"without end": func(ws *websocket.Conn) error {
			err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
			for n := 0; err == nil && n < 1_000_000; n++ {
				err = ws.WriteMessage(websocket.TextMessage, []byte("{"))
			}
			return err
		},
		"too much": func(ws *websocket.Conn) error {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
			return ws.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), 5<<20))
		},
		"a long word": func(ws *websocket.Conn) error {
			return ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"`+long+`"}`))
		},
		"a long reason": func(ws *websocket.Conn) error {
			return ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"disconnect","reason":"`+long+`"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"ok":true,"url":"ws%s/ws"}`, strings.TrimPrefix(server.URL, "http"))
			})
			mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
				ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
				if err != nil {
					return
				}
				defer ws.Close()
				_ = say(ws)
				_, _, _ = ws.ReadMessage() // until it is left
			})
			client, err := slack.New(slack.Options{Token: redact.NewSecret("xoxb-1"), AppToken: redact.NewSecret("xapp-1"), APIURL: server.URL + "/api/"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
			defer cancel()
			var log bytes.Buffer
			var rests atomic.Int64
			s, err := socket.New(socket.Options{
				Client: client, Log: slog.New(slog.NewTextHandler(&log, nil)), Jitter: func() float64 { return 0 },
				Handler: func(context.Context, socket.Event) (socket.Answer, error) { return socket.Answer{}, nil },
				Rest: func(context.Context, time.Duration) {
					if rests.Add(1) == 2 {
						cancel()
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			_ = s.Run(ctx)
			if rests.Load() < 2 {
				t.Error("it was listened to on and on")
			}
			if st := s.State(); st.Err == nil || len(st.Err.Error()) > 1000 {
				t.Errorf("the state is told with %d bytes", len(fmt.Sprint(st.Err)))
			}
			if log.Len() > 50_000 {
				t.Errorf("%d bytes were logged", log.Len())
			}
		})
	}
}
