-- id: DRS-003
-- name: public
-- title: Task uses a public network
-- severity: medium
-- meaning: A replication instance with a public address, or databases that are reached over one, can be attacked from anywhere.
-- remedy: Use a VPC, VPN or Direct Connect, and unbind the EIP; where that cannot be, restrict the security group to the databases' addresses and waive the result.
-- sla_days: 30
-- identity: job_id

SELECT t.source, t.job_id, '' AS key,
       CASE WHEN t.net_type = 'eip' THEN 'network eip'
            ELSE 'a public address, though the network is ' || coalesce(t.net_type, 'not stated') END AS detail
FROM tasks t
WHERE t.has_public_ip AND t.is_active
