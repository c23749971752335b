package cloud

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
)

// The statuses of gRPC that are answered.
const (
	grpcOK            = 0
	grpcUnknown       = 2
	grpcUnimplemented = 12
)

const maxRequest = 1 << 20 // bytes

// call answers one request of the protocol: the fields of the request, and the response's message.
type call func(f map[int][]byte) ([]byte, error)

// calls are what terraform asks.
func (c Cloud) calls() map[string]call {
	return map[string]call{
		"GetProviderSchema":      c.getSchema,
		"ValidateProviderConfig": nothing,
		"ConfigureProvider":      nothing,
		"ValidateResourceConfig": nothing,
		"StopProvider":           nothing,
		"UpgradeResourceState":   c.upgrade,
		"ReadResource":           c.readResource,
		"PlanResourceChange":     c.planChange,
		"ApplyResourceChange":    c.applyChange,
	}
}

func nothing(map[int][]byte) ([]byte, error) { return nil, nil }

func (c Cloud) getSchema(map[int][]byte) ([]byte, error) {
	b := put(nil, 1, schema(nil))
	all := schemas()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b = put(b, 2, put(put(nil, 1, name), 2, all[name]))
	}
	return b, nil
}

func (c Cloud) upgrade(f map[int][]byte) ([]byte, error) {
	state, err := unraw(f[3])
	return put(nil, 1, dynamic(state)), err
}

func (c Cloud) readResource(f map[int][]byte) ([]byte, error) {
	state, err := undynamic(f[2])
	if err != nil {
		return nil, err
	}
	now, err := c.look(string(f[1]), state)
	return put(nil, 1, dynamic(now)), err
}

func (c Cloud) planChange(f map[int][]byte) ([]byte, error) {
	prior, err1 := undynamic(f[2])
	proposed, err2 := undynamic(f[3])
	planned, replaces := plan(string(f[1]), prior, proposed)
	b := put(nil, 1, dynamic(planned))
	for _, attribute := range replaces {
		b = put(b, 2, put(nil, 1, put(nil, 1, attribute)))
	}
	return b, errors.Join(err1, err2)
}

func (c Cloud) applyChange(f map[int][]byte) ([]byte, error) {
	prior, err1 := undynamic(f[2])
	planned, err2 := undynamic(f[3])
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	made, err := c.apply(string(f[1]), prior, planned)
	return put(nil, 1, dynamic(made)), err
}

// answer answers a request of gRPC; what it does not know it says, and terraform goes on.
func answer(w http.ResponseWriter, r *http.Request, calls map[string]call) {
	w.Header().Set("Content-Type", "application/grpc")
	call, known := calls[path.Base(r.URL.Path)]
	if !known {
		w.Header().Set("Grpc-Status", strconv.Itoa(grpcUnimplemented))
		return
	}
	var message []byte
	request, err := received(r.Body)
	if err == nil {
		message, err = call(request)
	}
	status := grpcOK
	if err != nil {
		status = grpcUnknown
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", url.PathEscape(err.Error()))
	} else {
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
		_, _ = w.Write(append(frame, message...)) // whoever has gone does not need it
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(status))
}

// received reads the one message of a request.
func received(body io.Reader) (map[int][]byte, error) {
	frame, err := io.ReadAll(io.LimitReader(body, maxRequest))
	if err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	const head = 5 // whether it is compressed, and its length
	if len(frame) < head || frame[0] != 0 || int(binary.BigEndian.Uint32(frame[1:])) != len(frame)-head {
		return nil, errWire
	}
	return fields(frame[head:])
}
