package gateway

import (
	"encoding/binary"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func versionsRequest(version int16) *kmsg.ApiVersionsRequest {
	r := kmsg.NewPtrApiVersionsRequest()
	r.Version, r.ClientSoftwareName, r.ClientSoftwareVersion = version, "test", "1"
	return r
}

func TestApiVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for version := int16(0); version <= 5; version++ {
			d := knock(t, 10*time.Second)
			r := d.ask(versionsRequest(version)).(*kmsg.ApiVersionsResponse)
			if r.ErrorCode != 0 || len(r.ApiKeys) != len(rules)+3 {
				t.Errorf("version %d: error %d, %d keys, want %d", version, r.ErrorCode, len(r.ApiKeys), len(rules)+3)
			}
			for _, k := range r.ApiKeys {
				if _, never := refused[k.ApiKey]; never {
					t.Errorf("version %d offers %s, which is refused", version, nameOf(k.ApiKey))
				}
				if k.ApiKey == keyProduce && k.MinVersion != 0 || k.ApiKey == keyFetch && k.MaxVersion != 18 {
					t.Errorf("%s from %d to %d", nameOf(k.ApiKey), k.MinVersion, k.MaxVersion)
				}
			}
			if version >= 3 && (len(r.FinalizedFeatures) != 2 || r.FinalizedFeaturesEpoch != 9 || r.FinalizedFeatures[0].MaxVersionLevel != 2) {
				t.Errorf("version %d: features %+v of epoch %d", version, r.FinalizedFeatures, r.FinalizedFeaturesEpoch)
			}
			if want := map[bool]int{true: 1, false: 2}[version == 3]; version >= 3 && len(r.SupportedFeatures) != want {
				t.Errorf("version %d: supported %+v", version, r.SupportedFeatures)
			}
		}
	})
}

func TestApiVersionsAboveOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := knock(t, 10*time.Second)
		// A header of version 2 and a body that nobody knows.
		if err := d.link.WriteBytes([]byte{0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0, 'x', 'y'}); err != nil {
			t.Fatal(err)
		}
		a, err := d.link.Next()
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.Hold(1000)
		if err != nil {
			t.Fatal(err)
		}
		r := kmsg.NewPtrApiVersionsResponse()
		if err := r.ReadFrom(b.Bytes[8:]); err != nil || binary.BigEndian.Uint32(b.Bytes[4:]) != 7 {
			t.Fatal(err)
		}
		if r.ErrorCode != unsupportedVersion || len(r.ApiKeys) != 1 || r.ApiKeys[0].ApiKey != keyApiVersions || r.ApiKeys[0].MaxVersion != 5 {
			t.Errorf("%+v", r)
		}
		if r := d.ask(versionsRequest(3)).(*kmsg.ApiVersionsResponse); r.ErrorCode != 0 {
			t.Errorf("error %d after the retry", r.ErrorCode)
		}
	})
}

func TestApiVersionsOfSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			cluster string
			node    int32
			want    int16
		}{{lkc, 1, 0}, {lkc, 2, rebootstrapRequired}, {"lkc-other", 1, rebootstrapRequired}, {lkc, -1, 0}} {
			req := versionsRequest(5)
			req.ClusterID, req.NodeID = &c.cluster, c.node
			if r := knock(t, 10*time.Second).ask(req).(*kmsg.ApiVersionsResponse); r.ErrorCode != c.want {
				t.Errorf("%s node %d: error %d, want %d", c.cluster, c.node, r.ErrorCode, c.want)
			}
		}
	})
}

// TestSecondTransactions: what transactions of the second version need is
// offered whole or not at all.
func TestSecondTransactions(t *testing.T) {
	for key, first := range transactional {
		e := newEverything()
		for i := range e.versions.ApiKeys {
			if e.versions.ApiKeys[i].ApiKey == key {
				e.versions.ApiKeys[i].MaxVersion = first - 1
			}
		}
		o := makeOffer(e.versions)
		for k, v := range transactional {
			if o.has(k, v) || !o.has(k, v-1) {
				t.Errorf("without %s %d, %s is offered up to %d", nameOf(key), first, nameOf(k), o.spans[k].max)
			}
		}
		for _, f := range o.answer.FinalizedFeatures {
			if f.Name == featureTransactions && f.MaxVersionLevel != 1 {
				t.Errorf("without %s %d, %s is %d", nameOf(key), first, f.Name, f.MaxVersionLevel)
			}
		}
	}
	o := makeOffer(newEverything().versions)
	for k, v := range transactional {
		if !o.has(k, v) {
			t.Errorf("%s %d is not offered", nameOf(k), v)
		}
	}
}

// TestOfferNeedsTheBroker: what the broker lacks is not offered.
func TestOfferNeedsTheBroker(t *testing.T) {
	e := newEverything()
	e.versions.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 3, MinVersion: 2, MaxVersion: 5}, {ApiKey: 19, MinVersion: 20, MaxVersion: 21}, {ApiKey: -1}, {ApiKey: 30000}}
	o := makeOffer(e.versions)
	if want := (span{2, 5, true}); o.spans[3] != want || o.spans[19].served || o.spans[0].served {
		t.Errorf("%+v %+v %+v", o.spans[3], o.spans[19], o.spans[0])
	}
}

func TestSameOfferAfterTheLogin(t *testing.T) {
	h := build(t, alice())
	b := h.byHand(0)
	before := b.ask(versionsRequest(4))
	if r := b.login("alice", "logicalCluster="+lkc); r.ErrorCode != 0 {
		t.Fatal(r.ErrorCode)
	}
	if after := b.ask(versionsRequest(4)); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v\n%+v", before, after)
	}
}
