//go:build suite

package admin

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func cluster() []call {
	calls := []call{
		{"ListBrokers", func(s *story) {
			b := must(s.adm.ListBrokers(s.ctx))
			expect(len(b) == 1 && b[0].NodeID == broker, b)
		}},
		{"BrokerMetadata", func(s *story) {
			m := must(s.adm.BrokerMetadata(s.ctx))
			expect(m.Cluster != "" && len(m.Topics) == 0, m)
		}},
		{"ApiVersions", func(s *story) {
			v := must(s.adm.ApiVersions(s.ctx))[broker]
			most, ok := v.KeyMaxVersion(int16(kmsg.Fetch))
			expect(ok && most >= 17, v)
		}},
		{"ListConfigResources", func(s *story) {
			r := must(s.adm.ListConfigResources(s.ctx, kadm.ConfigResourceType(kmsg.ConfigResourceTypeTopic)))
			expect(len(r.Resources) > 0, r)
		}},
		{"DescribeAllLogDirs", func(s *story) {
			d := must(s.adm.DescribeAllLogDirs(s.ctx, s.set()))
			expect(len(d.Sorted()) == 1, d)
		}},
		{"DescribeBrokerLogDirs", func(s *story) {
			d := must(s.adm.DescribeBrokerLogDirs(s.ctx, broker, s.set()))
			_, ok := d.Lookup(d.Sorted()[0].Dir, s.topic, 0)
			expect(ok, d)
		}},
		{"AlterAllReplicaLogDirs", func(s *story) { must(s.adm.AlterAllReplicaLogDirs(s.ctx, s.sameDir())) }},
		{"AlterBrokerReplicaLogDirs", func(s *story) { must(s.adm.AlterBrokerReplicaLogDirs(s.ctx, broker, s.sameDir())) }},
		{"ElectLeaders", func(s *story) {
			r, err := s.adm.ElectLeaders(s.ctx, kadm.ElectPreferredReplica, s.set())
			expect(err == nil && errors.Is(r[s.topic][0].Err, kerr.ElectionNotNeeded), r)
		}},
		{"AlterPartitionAssignments", func(s *story) {
			var req kadm.AlterPartitionAssignmentsReq
			req.Assign(s.topic, 0, []int32{broker})
			must(s.adm.AlterPartitionAssignments(s.ctx, req))
		}},
		{"ListPartitionReassignments", func(s *story) { must(s.adm.ListPartitionReassignments(s.ctx, s.set())) }},
		{"UpdateFeatures", func(s *story) {
			must(s.adm.UpdateFeatures(s.ctx, true, kadm.FeatureUpdate{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 1}))
		}},
	}
	return append(append(append(calls, brokers()...), transactions()...), accounts()...)
}

// brokers are calls about the configuration of a broker.
func brokers() []call {
	setting := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "compression.type", Value: kadm.StringPtr("producer")}}
	return []call{
		{"DescribeBrokerConfigs", func(s *story) {
			r := must(s.adm.DescribeBrokerConfigs(s.ctx, broker))
			expect(len(r) == 1 && len(r[0].Configs) > 50, r)
		}},
		{"ValidateAlterBrokerConfigs", func(s *story) { must(s.adm.ValidateAlterBrokerConfigs(s.ctx, setting, broker)) }},
		{"AlterBrokerConfigs", func(s *story) { must(s.adm.AlterBrokerConfigs(s.ctx, setting, broker)) }},
		{"ValidateAlterBrokerConfigsState", func(s *story) { must(s.adm.ValidateAlterBrokerConfigsState(s.ctx, setting, broker)) }},
		{"AlterBrokerConfigsState", func(s *story) { must(s.adm.AlterBrokerConfigsState(s.ctx, setting, broker)) }},
	}
}

func transactions() []call {
	return []call{
		{"FindTxnCoordinators", func(s *story) { s.coordinator(s.adm.FindTxnCoordinators, s.txn) }},
		{"DescribeProducers", func(s *story) {
			s.open()
			expect(s.producer().CurrentTxnStartOffset >= 10, s.producer())
		}},
		{"DescribeTransactions", func(s *story) {
			s.open()
			d := must(s.adm.DescribeTransactions(s.ctx, s.txn))[s.txn]
			expect(d.State == "Ongoing" && d.Topics.Lookup(s.topic, 0), d)
		}},
		{"ListTransactions", func(s *story) {
			s.open()
			l := must(s.adm.ListTransactions(s.ctx, nil, []string{"Ongoing"}))
			expect(l[s.txn].State == "Ongoing", l)
		}},
		{"ListTransactionsByTxPattern", func(s *story) {
			s.open()
			l := must(s.adm.ListTransactionsByTxPattern(s.ctx, nil, nil, s.txn+".*"))
			expect(len(l) == 1, l)
		}},
		{"WriteTxnMarkers", func(s *story) {
			s.open()
			var on kadm.TopicsSet
			on.Add(s.topic, 0)
			p := s.producer()
			must(s.adm.WriteTxnMarkers(s.ctx, kadm.TxnMarkers{
				ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch, CoordinatorEpoch: max(p.CoordinatorEpoch, 0), Topics: on,
			}))
		}},
	}
}

// open has a transaction with a record in partition 0 until the call ends.
func (s *story) open() {
	c := client(s.T, kgo.TransactionalID(s.txn), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(0, c.BeginTransaction())
	must(0, c.ProduceSync(s.ctx, &kgo.Record{Topic: s.topic, Value: []byte("open")}).FirstErr())
	s.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = c.EndTransaction(ending, kgo.TryAbort) // somebody may have ended it
	})
}

// producer is that of the open transaction.
func (s *story) producer() kadm.DescribedProducer {
	for _, p := range must(s.adm.DescribeProducers(s.ctx, s.set())).SortedProducers() {
		if p.CurrentTxnStartOffset >= 0 {
			return p
		}
	}
	panic(failure{errors.New("no producer with an open transaction")})
}

// accounts are calls about who may do what, and how much of it.
func accounts() []call {
	name := kadm.StringPtr("kadm")
	entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: name}}
	quota := []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{{Key: "request_percentage", Value: 500}}}}
	acl := func(s *story) *kadm.ACLBuilder {
		return kadm.NewACLs().Topics(s.topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead).Allow("User:kadm").AllowHosts()
	}
	everyACL := kadm.NewACLs().AnyResource().ResourcePatternType(kadm.ACLPatternAny).Operations(kadm.OpAny).
		Allow().AllowHosts().Deny().DenyHosts()
	return []call{
		{"ValidateAlterClientQuotas", func(s *story) { must(s.adm.ValidateAlterClientQuotas(s.ctx, quota)) }},
		{"AlterClientQuotas", func(s *story) { must(s.adm.AlterClientQuotas(s.ctx, quota)) }},
		{"DescribeClientQuotas", func(s *story) {
			s.until(func() bool {
				q := must(s.adm.DescribeClientQuotas(s.ctx, true, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchName: name}}))
				return len(q) == 1 && q[0].Values[0].Value == 500
			})
		}},
		{"DescribeACLs", func(s *story) {
			r := must(s.adm.DescribeACLs(s.ctx, everyACL))
			expect(len(r) > 0 && len(r[0].Described) > 0, r)
		}},
		{"CreateACLs", func(s *story) { must(s.adm.CreateACLs(s.ctx, acl(s))) }},
		{"DeleteACLs", func(s *story) { must(s.adm.DeleteACLs(s.ctx, acl(s))) }},
		{"AlterUserSCRAMs", func(s *story) {
			must(s.adm.AlterUserSCRAMs(s.ctx, nil, []kadm.UpsertSCRAM{{User: "kadm", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "kadm"}}))
			must(s.adm.AlterUserSCRAMs(s.ctx, []kadm.DeleteSCRAM{{User: "kadm", Mechanism: kadm.ScramSha256}}, nil))
		}},
		{"DescribeUserSCRAMs", func(s *story) { must(s.adm.DescribeUserSCRAMs(s.ctx)) }},
		{"CreateDelegationToken", func(s *story) {
			must(s.adm.CreateDelegationToken(s.ctx, kadm.CreateDelegationToken{MaxLifetime: time.Hour}))
		}},
		{"RenewDelegationToken", func(s *story) { must(s.adm.RenewDelegationToken(s.ctx, []byte("hmac"), time.Hour)) }},
		{"DescribeDelegationTokens", func(s *story) { must(s.adm.DescribeDelegationTokens(s.ctx)) }},
		{"ExpireDelegationToken", func(s *story) { must(s.adm.ExpireDelegationToken(s.ctx, []byte("hmac"), 0)) }},
	}
}

// set is the topic with its partitions.
func (s *story) set() kadm.TopicsSet {
	var all kadm.TopicsSet
	all.Add(s.topic, 0, 1, 2)
	return all
}

// sameDir moves partition 0 to where it is.
func (s *story) sameDir() kadm.AlterReplicaLogDirsReq {
	var one kadm.TopicsSet
	one.Add(s.topic, 0)
	var req kadm.AlterReplicaLogDirsReq
	req.Add(must(s.adm.DescribeBrokerLogDirs(s.ctx, broker, s.set())).Sorted()[0].Dir, one)
	return req
}
