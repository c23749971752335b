package cloud

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// The protocol's messages are those of tfplugin6.proto, in protobuf; the values in them are MessagePack, of which objects of texts
// are all that this cloud has.

// value is a text, nothing, or what is known after the apply.
type value struct {
	text    string
	is      bool // a text
	unknown bool
}

func text(s string) value { return value{text: s, is: true} }

// object is a thing's attributes; nil: there is no such thing.
type object map[string]value

var errWire = errors.New("a message that this cloud does not understand")

// fields takes a protobuf message apart, as far as it has texts and messages: of each number the last one. Numbers are passed over.
func fields(b []byte) (map[int][]byte, error) {
	all := map[int][]byte{}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errWire
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errWire
		}
		b = b[n:]
		switch tag & 7 {
		case 0: // a number, which v is
		case 2:
			if v > uint64(len(b)) {
				return nil, errWire
			}
			all[int(tag>>3)], b = b[:v], b[v:]
		default:
			return nil, errWire
		}
	}
	return all, nil
}

// put adds a text or a message to a message.
func put[T string | []byte](b []byte, number int, data T) []byte {
	b = binary.AppendUvarint(b, uint64(number)<<3|2)
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// The numbers of the field that says how an attribute comes to its value.
const (
	isRequired = 4
	isComputed = 6
)

// attribute adds one to a block.
func attribute(block []byte, name string, how int) []byte {
	a := put(nil, 1, name)
	a = put(a, 2, `"string"`)
	a = append(binary.AppendUvarint(a, uint64(how)<<3), 1)
	return put(block, 2, a)
}

func schema(block []byte) []byte { return put(nil, 2, block) }

// dynamic is a DynamicValue.
func dynamic(o object) []byte { return put(nil, 1, pack(o)) }

// undynamic takes one apart.
func undynamic(b []byte) (object, error) {
	f, err := fields(b)
	if err != nil || f[1] == nil {
		return nil, errors.Join(errWire, err)
	}
	return unpack(f[1])
}

// unraw takes a RawState apart, which a state file has in JSON.
func unraw(b []byte) (object, error) {
	f, err := fields(b)
	if err != nil {
		return nil, err
	}
	var read map[string]*string
	if err := json.Unmarshal(f[1], &read); err != nil {
		return nil, err
	}
	o := object{}
	for name, v := range read {
		o[name] = value{}
		if v != nil {
			o[name] = text(*v)
		}
	}
	return o, nil
}

// MessagePack's first bytes.
const (
	packNil    = 0xc0
	packExt8   = 0xc7
	packFixExt = 0xd4 // of 1 byte; those of 2, 4, 8 and 16 follow
	packStr8   = 0xd9
	packStr16  = 0xda
	packFixMap = 0x80
	packFixStr = 0xa0
	packMap16  = 0xde
)

// pack writes an object.
func pack(o object) []byte {
	if o == nil {
		return []byte{packNil}
	}
	b := binary.BigEndian.AppendUint16([]byte{packMap16}, uint16(len(o)))
	for _, name := range slices.Sorted(maps.Keys(o)) {
		b = packText(b, name)
		switch v := o[name]; {
		case v.unknown:
			b = append(b, packFixExt, 0, 0)
		case v.is:
			b = packText(b, v.text)
		default:
			b = append(b, packNil)
		}
	}
	return b
}

func packText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(append(b, packStr16), uint16(len(s)))
	return append(b, s...)
}

// unpack reads an object.
func unpack(b []byte) (object, error) {
	r := reader{b}
	first := r.byte()
	n := int(first &^ packFixMap)
	switch {
	case first == packNil:
		return nil, nil
	case first == packMap16:
		n = r.number(2)
	case first&0xf0 != packFixMap:
		return nil, errWire
	}
	o := object{}
	for range n {
		name, err := r.value()
		if err != nil || !name.is {
			return nil, errors.Join(errWire, err)
		}
		if o[name.text], err = r.value(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// reader reads MessagePack; past the end there are zeros, of which none is a name.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b = nil
		return make([]byte, n)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) number(size int) int {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

// value reads one. An extension is what terraform does not know yet, whatever it knows about it.
func (r *reader) value() (value, error) {
	first := r.byte()
	switch {
	case first == packNil:
		return value{}, nil
	case first&0xe0 == packFixStr:
		return text(string(r.take(int(first &^ packFixStr)))), nil
	case first == packStr8:
		return text(string(r.take(r.number(1)))), nil
	case first == packStr16:
		return text(string(r.take(r.number(2)))), nil
	case first == packExt8:
		r.take(r.number(1) + 1)
		return value{unknown: true}, nil
	case first >= packFixExt && first < packStr8:
		r.take(1<<(first-packFixExt) + 1)
		return value{unknown: true}, nil
	}
	return value{}, errWire
}
