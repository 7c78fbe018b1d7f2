import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.lookups
import loyalty.migrating
import pgtrigger.compiler
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('users', '0001_initial'),
    ]

    operations = [
        loyalty.migrating.CreateModels(
            models=[migrations.CreateModel(
                name='ExchangeMark',
                fields=[
                    ('brand', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='users.brand')),
                    ('counted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], size=None)),
                    ('noted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('counted_at', models.DateTimeField(help_text='What was committed by then is counted; null: not yet all of it.', null=True)),
                    ('time_zone', models.CharField(db_default='', help_text='In which days were counted; another starts afresh.', max_length=64)),
                ],
                options={
                    'abstract': False,
                },
            ), migrations.CreateModel(
                name='AccrualFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('sequence', models.PositiveIntegerField(help_text='1, 2, 3, ... for each provider; a gap only where staff set the number.')),
                    ('name', models.CharField(max_length=100)),
                    ('sha256', models.CharField(max_length=64)),
                    ('content', models.BinaryField(help_text='Empty once it is delivered: it names members.', null=True)),
                    ('records', models.PositiveIntegerField()),
                    ('total', models.BigIntegerField(help_text='Miles.')),
                    ('made_at', models.DateTimeField()),
                    ('delivered_at', models.DateTimeField(null=True)),
                    ('refused_as', models.CharField(blank=True, help_text='Why the partner refused it whole.', max_length=20)),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='accrual_file_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='12b73d629f9d7fe152d2cd81a5236f0ef133eed9', operation='DELETE', pgid='pgtrigger_accrual_file_no_delete_2925f', table='exchange_accrualfile', when='BEFORE')), pgtrigger.compiler.Trigger(name='accrual_file_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='db8827514b6736810a3f2be2968ca2b94b939414', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_accrual_file_no_truncate_80e96', table='exchange_accrualfile', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='accrual_file_of_brand'), models.UniqueConstraint(fields=('brand', 'provider', 'sequence'), name='accrual_file_once'), models.CheckConstraint(condition=models.Q(models.Q(('content__isnull', False), ('delivered_at__isnull', True)), models.Q(('content__isnull', True), ('delivered_at__isnull', False)), _connector='OR'), name='accrual_file_kept_until_delivered')],
                },
            ), migrations.CreateModel(
                name='Partnership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token_a', models.ForeignKey(help_text='The points that are given.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('token_b', models.ForeignKey(help_text='What is received for them.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('provider', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('partner_brand', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('rate', models.DecimalField(blank=True, decimal_places=8, help_text='Units of B for one of A; empty: by on- and off-ramp.', max_digits=24, null=True)),
                    ('minimum', models.BigIntegerField(default=1, help_text='Points at least.')),
                    ('maximum', models.BigIntegerField(default=9999999999999, help_text='Points at most.')),
                    ('state', models.CharField(choices=[('requested', 'Requested'), ('active', 'Active'), ('cancelled', 'Cancelled')], default='requested', max_length=10)),
                    ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('approved_at', models.DateTimeField(null=True)),
                    ('approved_by', models.CharField(blank=True, max_length=60)),
                    ('cancelled_at', models.DateTimeField(null=True)),
                    ('proposal', models.ForeignKey(help_text='Other terms that the giving brand asks for, and the receiving one has not agreed to.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.partnershipchange')),
                ],
                options={
                    'permissions': [('decide_partnership', 'Can approve and cancel partnerships')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='partnership_of_brand'), models.UniqueConstraint(condition=models.Q(('state', 'cancelled'), _negated=True), fields=('brand', 'token_a', 'token_b'), name='partnership_once'), models.CheckConstraint(condition=models.Q(models.Q(('partner_brand__isnull', True), ('provider__isnull', False)), models.Q(('partner_brand__isnull', False), ('provider__isnull', True), models.Q(('partner_brand', models.F('brand')), _negated=True)), _connector='OR'), name='partnership_one_partner'), models.CheckConstraint(condition=models.Q(('rate__isnull', True), ('rate__gt', 0), _connector='OR'), name='partnership_rate_positive'), models.CheckConstraint(condition=models.Q(('maximum__gte', models.F('minimum')), ('maximum__lte', 9999999999999), ('minimum__gte', 1)), name='partnership_range'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'active'), _negated=True), models.Q(('approved_at__isnull', False), models.Q(('approved_by', ''), _negated=True)), _connector='OR'), name='partnership_active_is_approved'), models.CheckConstraint(condition=models.Q(('proposal__isnull', True), models.Q(('partner_brand__isnull', False), ('state', 'active')), _connector='OR'), name='partnership_proposal_of_active')],
                },
            ), migrations.CreateModel(
                name='PartnershipChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('partnership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='exchange.partnership')),
                    ('verb', models.CharField(choices=[('requested', 'Requested'), ('approved', 'Approved'), ('proposed', 'other terms proposed'), ('changed', 'terms changed'), ('withdrawn', 'proposal taken back or declined'), ('cancelled', 'Cancelled')], max_length=10)),
                    ('before', models.JSONField(default=dict)),
                    ('after', models.JSONField(default=dict)),
                    ('actor', models.CharField(max_length=60)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='partnership_change_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='5ea5645ac1bb16ad047d1c0cd4a6ef5fd95a6830', operation='UPDATE', pgid='pgtrigger_partnership_change_no_update_b4987', table='exchange_partnershipchange', when='BEFORE')), pgtrigger.compiler.Trigger(name='partnership_change_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6eb8ad328184aed07fedbc50b2dc976d1f11c2b3', operation='DELETE', pgid='pgtrigger_partnership_change_no_delete_80942', table='exchange_partnershipchange', when='BEFORE')), pgtrigger.compiler.Trigger(name='partnership_change_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='dd7fb70a2c988814bc04ff1c642f3166aea513e8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_partnership_change_no_truncate_ec1cb', table='exchange_partnershipchange', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'partnership', 'id'), name='change_of_partnership')],
                },
            ), migrations.CreateModel(
                name='Provider',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.partnerprogramme')),
                    ('token', models.ForeignKey(help_text='The miles that members receive.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('adapter', models.CharField(choices=[('lcp', 'JSON over HTTPS, signed (Loyalty Commerce Platform)'), ('accrual_files', 'Accrual files over SFTP'), ('webhook', 'A brand with a ledger of its own, told by webhooks')], max_length=20)),
                    ('address', models.CharField(help_text='Where the partner listens.', max_length=500)),
                    ('credential_id', models.CharField(blank=True, help_text='The name the partner knows us by; no secret.', max_length=200)),
                    ('secret', models.BinaryField(help_text='Encrypted; written by set_secret and never shown.', null=True)),
                    ('secret_variable', models.CharField(blank=True, help_text='The variable EXCHANGE_SECRET_… that holds the secret; goes before a stored one.', max_length=100)),
                    ('terms', models.JSONField(blank=True, default=dict, help_text='What the adapter needs besides.')),
                    ('timeout_seconds', models.PositiveSmallIntegerField(default=10)),
                    ('most_calls', models.PositiveSmallIntegerField(default=10, help_text='Calls under way at once, in each worker.')),
                    ('active', models.BooleanField(default=True, help_text='While it is not, orders are accepted and wait.')),
                    ('failures', models.PositiveIntegerField(default=0, help_text='Calls without an answer, in a row.')),
                    ('open_until', models.DateTimeField(help_text='Until then nobody calls: the circuit breaker is open.', null=True)),
                    ('files_due_at', models.DateTimeField(blank=True, help_text='When files are exchanged next; a lease moves it on.', null=True)),
                    ('files_failures', models.PositiveIntegerField(default=0, help_text='Exchanges of files that failed, in a row.')),
                    ('files_fault', models.CharField(blank=True, max_length=200)),
                    ('files_next', models.PositiveIntegerField(editable=False, help_text='The next accrual file has this number at least; staff set it after a restore.', null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ],
                options={
                    'permissions': [('operate_provider', 'Can pause and resume providers, close their breakers, and number their files'), ('export_statement', 'Can download statements of both sides')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='provider_of_brand'), models.UniqueConstraint(fields=('brand', 'programme'), name='provider_programme_once'), models.CheckConstraint(condition=models.Q(('timeout_seconds__range', (1, 20))), name='provider_timeout_in_range'), models.CheckConstraint(condition=models.Q(('most_calls__range', (1, 64))), name='provider_calls_in_range')],
                },
            ), migrations.CreateModel(
                name='ExchangeOrder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reference', models.UUIDField(default=uuid.uuid4, help_text='What the partner knows it by, in every attempt.')),
                    ('partnership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.partnership')),
                    ('provider', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.member')),
                    ('transaction', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='exchange_order', to='ledger.transaction')),
                    ('reversal', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                    ('token_b', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                    ('points', models.BigIntegerField()),
                    ('rate_numerator', models.DecimalField(decimal_places=8, max_digits=24)),
                    ('rate_denominator', models.DecimalField(decimal_places=8, default=1, max_digits=24)),
                    ('received', models.BigIntegerField(help_text='Whole units of B.')),
                    ('remainder', models.DecimalField(decimal_places=18, help_text='The part of a unit that rounding dropped.', max_digits=19)),
                    ('membership_number', models.CharField(help_text='Empty once it is over and the member was erased.', max_length=255)),
                    ('state', models.CharField(choices=[('accepted', 'accepted'), ('submitted', 'submitted'), ('unknown', 'unknown'), ('pending', 'pending'), ('settled', 'settled'), ('refused', 'refused'), ('parked', 'parked')], default='accepted', max_length=10)),
                    ('due_at', models.DateTimeField(help_text='When it may be looked at next; a lease moves it on.')),
                    ('attempts', models.PositiveIntegerField(default=0)),
                    ('misses', models.PositiveIntegerField(default=0, help_text='Attempts without an answer, in a row.')),
                    ('partner_reference', models.CharField(blank=True, max_length=100)),
                    ('credited', models.BigIntegerField(help_text='Units of B, where the partner credited fewer than were asked for.', null=True)),
                    ('refusal_code', models.CharField(blank=True, max_length=40)),
                    ('refusal_detail', models.CharField(blank=True, max_length=200)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('ended_at', models.DateTimeField(null=True)),
                ],
                options={
                    'permissions': [('decide_exchange', 'Can decide about parked exchanges')],
                    'triggers': [pgtrigger.compiler.Trigger(name='exchange_order_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='473fc058a40d971247112bb65a268b0351e33111', operation='DELETE', pgid='pgtrigger_exchange_order_no_delete_6bed4', table='exchange_exchangeorder', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_order_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='292a910daf3c3138191b46975c444d7b4f09371a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_exchange_order_no_truncate_d0d12', table='exchange_exchangeorder', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_moves', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE _is_valid_transition BOOLEAN;', func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{accepted:accepted,accepted:parked,accepted:refused,accepted:settled,accepted:submitted,submitted:submitted,submitted:accepted,submitted:parked,submitted:pending,submitted:refused,submitted:settled,submitted:unknown,unknown:unknown,unknown:accepted,unknown:parked,unknown:pending,unknown:refused,unknown:settled,pending:pending,pending:parked,pending:refused,pending:settled,pending:unknown,settled:settled,refused:refused,refused:parked,refused:settled,parked:parked,parked:refused,parked:settled,parked:unknown}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;', hash='d4bf3c61dac5c4195836b588148fd9bfb607d322', operation='UPDATE', pgid='pgtrigger_exchange_moves_0b4ee', table='exchange_exchangeorder', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_follows_ledger', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF NOT EXISTS (\n                        SELECT FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id\n                        WHERE t.id = NEW.transaction_id AND t.brand_id = NEW.brand_id AND a.member_id = NEW.member_id\n                          AND t.amount = -NEW.points\n                    ) THEN\n                        RAISE EXCEPTION 'an exchange is paid by its member' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'exchange_follows_ledger';\n                    END IF;\n                    RETURN NEW;\n                ", hash='41d45d0fda875e7a30b2d244d60e4d70049839bb', operation='INSERT', pgid='pgtrigger_exchange_follows_ledger_4a6c7', table='exchange_exchangeorder', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_keeps_its_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."brand_id" IS DISTINCT FROM (NEW."brand_id") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."partnership_id" IS DISTINCT FROM (NEW."partnership_id") OR OLD."points" IS DISTINCT FROM (NEW."points") OR OLD."provider_id" IS DISTINCT FROM (NEW."provider_id") OR OLD."rate_denominator" IS DISTINCT FROM (NEW."rate_denominator") OR OLD."rate_numerator" IS DISTINCT FROM (NEW."rate_numerator") OR OLD."received" IS DISTINCT FROM (NEW."received") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."remainder" IS DISTINCT FROM (NEW."remainder") OR OLD."token_b_id" IS DISTINCT FROM (NEW."token_b_id") OR OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='077440eb015cc104eb56f1fab80647ee06bfd485', operation='UPDATE', pgid='pgtrigger_exchange_keeps_its_terms_87524', table='exchange_exchangeorder', when='BEFORE'))],
                    'indexes': [models.Index(condition=models.Q(('state__in', ['accepted', 'pending', 'submitted', 'unknown'])), fields=['due_at', 'id'], name='exchange_due'), models.Index(condition=models.Q(('provider__isnull', True)), fields=['membership_number'], name='exchange_to_member'), models.Index(fields=['member', 'created_at', 'id'], name='exchange_of_member'), models.Index(fields=['brand', 'state', 'created_at'], name='exchange_of_brand'), models.Index(fields=['brand', 'created_at', 'id'], name='exchange_oldest')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='exchange_order_of_brand'), models.UniqueConstraint(fields=('brand', 'reference'), name='exchange_reference_once'), models.CheckConstraint(condition=models.Q(('points__gt', 0), ('received__gt', 0)), name='exchange_points_positive'), models.CheckConstraint(condition=models.Q(('rate_denominator__gt', 0), ('rate_numerator__gt', 0)), name='exchange_rate_positive'), models.CheckConstraint(condition=models.Q(('remainder__gte', 0), ('remainder__lt', 1), django.db.models.lookups.LessThanOrEqual(models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(models.F('received'), '*', models.F('rate_denominator')), output_field=models.DecimalField()), models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(models.F('points'), '*', models.F('rate_numerator')), output_field=models.DecimalField())), django.db.models.lookups.GreaterThan(django.db.models.expressions.CombinedExpression(models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(models.F('received'), '*', models.F('rate_denominator')), output_field=models.DecimalField()), '+', models.F('rate_denominator')), models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(models.F('points'), '*', models.F('rate_numerator')), output_field=models.DecimalField()))), name='exchange_received_is_rounded_down'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ['settled', 'refused'])), models.Q(models.Q(('state__in', ['settled', 'refused']), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='exchange_ended_has_instant'), models.CheckConstraint(condition=models.Q(('credited__isnull', True), models.Q(('credited__gt', 0), ('credited__lt', models.F('received')), ('state', 'settled')), _connector='OR'), name='exchange_partly_credited'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'refused'), _negated=True), models.Q(('refusal_code', ''), _negated=True), _connector='OR'), name='exchange_refusal_has_reason')],
                },
            ), migrations.CreateModel(
                name='Difference',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('day', models.DateField(help_text='UTC.')),
                    ('kind', models.CharField(choices=[('open_here', 'credited there, and not ended here'), ('refused_here', 'credited there, and given back here'), ('only_there', 'credited there under a reference that we do not know'), ('only_here', 'settled here, and not on the statement'), ('credited_again', 'credited there days after it was settled here'), ('other_amount', 'credited on both sides, with different amounts'), ('undecided', 'neither side knows the end of it')], max_length=14)),
                    ('reference', models.CharField(max_length=100)),
                    ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='exchange.exchangeorder')),
                    ('ours', models.BigIntegerField(help_text='Units of B.', null=True)),
                    ('theirs', models.BigIntegerField(help_text='Units of B.', null=True)),
                    ('found_at', models.DateTimeField()),
                    ('resolved_at', models.DateTimeField(null=True)),
                    ('resolved_by', models.CharField(blank=True, max_length=60)),
                    ('resolution', models.CharField(blank=True, max_length=200)),
                ],
                options={
                    'permissions': [('resolve_difference', 'Can resolve differences')],
                    'triggers': [pgtrigger.compiler.Trigger(name='difference_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='8b24129eaec73eac7df60aefd0f9c778f9800afa', operation='DELETE', pgid='pgtrigger_difference_no_delete_219b7', table='exchange_difference', when='BEFORE')), pgtrigger.compiler.Trigger(name='difference_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='76b0420e18521c281a9dce53ff50f99c85bc4bc1', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_difference_no_truncate_c2230', table='exchange_difference', when='BEFORE'))],
                    'indexes': [models.Index(condition=models.Q(('resolved_at__isnull', True)), fields=['brand', 'day'], name='difference_open'), models.Index(fields=['brand', 'id'], name='difference_newest')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('brand', 'provider', 'day', 'reference', 'kind'), name='difference_open_once'), models.CheckConstraint(condition=models.Q(models.Q(('resolution', ''), ('resolved_at__isnull', True), ('resolved_by', '')), models.Q(('resolved_at__isnull', False), models.Q(('resolved_by', ''), _negated=True), models.Q(('resolution', ''), _negated=True)), _connector='OR'), name='difference_resolved_whole')],
                },
            ), migrations.CreateModel(
                name='DailyExchanges',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('provider', models.ForeignKey(db_constraint=False, db_index=False, help_text='Null: a brand.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('day', models.DateField()),
                    ('state', models.CharField(choices=[('accepted', 'accepted'), ('submitted', 'submitted'), ('unknown', 'unknown'), ('pending', 'pending'), ('settled', 'settled'), ('refused', 'refused'), ('parked', 'parked')], max_length=10)),
                    ('orders', models.BigIntegerField()),
                    ('points', models.BigIntegerField()),
                ],
                options={
                    'verbose_name_plural': 'daily exchanges',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'day', 'provider', 'state'), name='daily_exchanges_once', nulls_distinct=False)],
                },
            ), migrations.CreateModel(
                name='AnswerFile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exchange.provider')),
                    ('name', models.CharField(max_length=200)),
                    ('size', models.BigIntegerField()),
                    ('modified', models.BigIntegerField(help_text='When the partner changed it last, in seconds of its own clock.')),
                    ('sha256', models.CharField(max_length=64)),
                    ('sequence', models.PositiveIntegerField(help_text="The partner's; null where it could not be read.", null=True)),
                    ('answers', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='exchange.accrualfile')),
                    ('state', models.CharField(choices=[('reading', 'Reading'), ('read', 'Read'), ('refused', 'Refused')], max_length=10)),
                    ('fault', models.CharField(blank=True, max_length=200)),
                    ('records', models.PositiveIntegerField(default=0)),
                    ('total', models.BigIntegerField(default=0)),
                    ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='answer_file_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0321f957beeac17aecd45dc52ddd07637bc4b08e', operation='DELETE', pgid='pgtrigger_answer_file_no_delete_0e20b', table='exchange_answerfile', when='BEFORE')), pgtrigger.compiler.Trigger(name='answer_file_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='905c17bd1f53fbd979397092df66f8133a4e4089', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_answer_file_no_truncate_ff65d', table='exchange_answerfile', when='BEFORE'))],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='answer_file_of_brand'), models.UniqueConstraint(fields=('brand', 'provider', 'name', 'size', 'modified'), name='answer_file_seen_once'), models.UniqueConstraint(condition=models.Q(('state', 'refused'), _negated=True), fields=('brand', 'provider', 'sequence'), name='answer_file_taken_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'refused'), models.Q(('fault', ''), _negated=True)), models.Q(models.Q(('state', 'refused'), _negated=True), ('answers__isnull', False), ('fault', ''), ('sequence__isnull', False)), _connector='OR'), name='answer_file_refused_has_reason')],
                },
            ), migrations.CreateModel(
                name='ProviderChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('provider', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='exchange.provider')),
                    ('verb', models.CharField(choices=[('paused', 'Paused'), ('resumed', 'Resumed'), ('breaker', 'circuit breaker closed'), ('numbered', 'next file number set')], max_length=10)),
                    ('before', models.JSONField(default=dict)),
                    ('after', models.JSONField(default=dict)),
                    ('actor', models.CharField(max_length=60)),
                    ('reason', models.CharField(max_length=200)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'triggers': [pgtrigger.compiler.Trigger(name='provider_change_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='96da2c4ac76fc4e6fe39c94ba6865f85935524cf', operation='UPDATE', pgid='pgtrigger_provider_change_no_update_90e74', table='exchange_providerchange', when='BEFORE')), pgtrigger.compiler.Trigger(name='provider_change_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='cbae63e7714fc21bc24879f3b24bebe3750d8743', operation='DELETE', pgid='pgtrigger_provider_change_no_delete_b0636', table='exchange_providerchange', when='BEFORE')), pgtrigger.compiler.Trigger(name='provider_change_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='c3befb9ad627829b768e755f71f56dee18e31bf8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_provider_change_no_truncate_da54e', table='exchange_providerchange', when='BEFORE'))],
                    'indexes': [models.Index(fields=['provider', 'id'], name='provider_change_of_provider')],
                },
            ), migrations.CreateModel(
                name='ExchangeMove',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='exchange.exchangeorder')),
                    ('came_from', models.CharField(choices=[('accepted', 'accepted'), ('submitted', 'submitted'), ('unknown', 'unknown'), ('pending', 'pending'), ('settled', 'settled'), ('refused', 'refused'), ('parked', 'parked')], max_length=10)),
                    ('went_to', models.CharField(choices=[('accepted', 'accepted'), ('submitted', 'submitted'), ('unknown', 'unknown'), ('pending', 'pending'), ('settled', 'settled'), ('refused', 'refused'), ('parked', 'parked')], max_length=10)),
                    ('actor', models.CharField(max_length=60)),
                    ('reason', models.CharField(blank=True, max_length=200)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'indexes': [models.Index(fields=['order', 'id'], name='exchange_move_of_order')],
                    'triggers': [pgtrigger.compiler.Trigger(name='exchange_move_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='10ec44da438d88b210b448ca901912017b705fb9', operation='UPDATE', pgid='pgtrigger_exchange_move_no_update_adb3f', table='exchange_exchangemove', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_move_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='14ea3437b30c72c6923069400f4a85148a720d59', operation='DELETE', pgid='pgtrigger_exchange_move_no_delete_6fcf3', table='exchange_exchangemove', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_move_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='6c1ffea5e8cd24db129989fbb6bd5553b66d9039', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_exchange_move_no_truncate_adc53', table='exchange_exchangemove', when='BEFORE'))],
                },
            ), migrations.CreateModel(
                name='ExchangeAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='exchange.exchangeorder')),
                    ('number', models.PositiveIntegerField()),
                    ('act', models.CharField(choices=[('credit', 'Credit'), ('inquire', 'Inquire'), ('reverse', 'Reverse'), ('notice', 'told by the partner')], max_length=10)),
                    ('begun_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('outcome', models.CharField(blank=True, help_text='Empty while no answer is known.', max_length=12)),
                    ('detail', models.CharField(blank=True, max_length=200)),
                ],
                options={
                    'indexes': [models.Index(fields=['order', 'number'], name='exchange_attempt_of_order')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'order', 'number'), name='exchange_attempt_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('outcome', '')), models.Q(('ended_at__isnull', False), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='exchange_attempt_ends_whole')],
                    'triggers': [pgtrigger.compiler.Trigger(name='exchange_attempt_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='52e6e024f8b1d79b3fe4b0947fa47719acd38b9b', operation='DELETE', pgid='pgtrigger_exchange_attempt_no_delete_59ba1', table='exchange_exchangeattempt', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_attempt_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='fecba5a26b17d1c3bdcbdfbdc6141208e226990e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_exchange_attempt_no_truncate_b80f1', table='exchange_exchangeattempt', when='BEFORE')), pgtrigger.compiler.Trigger(name='exchange_attempt_is_final', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."ended_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='d55803704dff3c385e039700450aed947db10d49', operation='UPDATE', pgid='pgtrigger_exchange_attempt_is_final_5b6f5', table='exchange_exchangeattempt', when='BEFORE'))],
                },
            ), migrations.CreateModel(
                name='AccrualRecord',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='exchange.accrualfile')),
                    ('line', models.PositiveIntegerField()),
                    ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='records', to='exchange.exchangeorder')),
                    ('released', models.BooleanField(default=False, help_text='Its file was refused, and staff let it go into another.')),
                    ('miles', models.BigIntegerField(help_text='The last that the partner said.', null=True)),
                    ('status', models.CharField(blank=True, help_text='The last that the partner said.', max_length=1)),
                    ('answered_at', models.DateTimeField(null=True)),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'file', 'line'), name='accrual_line_once'), models.UniqueConstraint(condition=models.Q(('released', False)), fields=('brand', 'order'), name='accrual_order_once')],
                    'triggers': [pgtrigger.compiler.Trigger(name='accrual_record_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='55de56b440d726ec68a7d298003b29f97eb4c707', operation='DELETE', pgid='pgtrigger_accrual_record_no_delete_fe5ad', table='exchange_accrualrecord', when='BEFORE')), pgtrigger.compiler.Trigger(name='accrual_record_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='31c82b0be6d8ca4a411ec42e3763d604817b8e3d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_accrual_record_no_truncate_9de35', table='exchange_accrualrecord', when='BEFORE'))],
                },
            )],
        ),
        loyalty.migrating.InstallTriggers(
            model_names=['AccrualFile', 'PartnershipChange', 'ExchangeOrder', 'Difference', 'AnswerFile', 'ProviderChange', 'ExchangeMove', 'ExchangeAttempt', 'AccrualRecord'],
        ),
    ]
