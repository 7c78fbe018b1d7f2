import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
import ledger.models.tokens
import ledger.models.transactions
import loyalty.migrating
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    # The libraries' tables first: each change of one of theirs makes Django build anew every model that hangs on it.
    dependencies = [
        ('admin', '0003_logentry_add_action_flag_choices'),
        ('axes', '0010_accessattemptexpiration'),
        ('oauth2_provider', '0022_refreshtoken_token_family_index'),
        ('otp_static', '0003_add_timestamps'),
        ('otp_totp', '0003_add_timestamps'),
        ('users', '0001_initial'),
    ]

    operations = [
        loyalty.migrating.CreateModels([
            migrations.CreateModel(
                name='TallyMark',
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
            ),
            migrations.CreateModel(
                name='Token',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=100)),
                    ('symbol', models.CharField(max_length=20)),
                    ('type', models.CharField(choices=[('erc20', 'Points'), ('erc721', 'Collectible'), ('miles', 'Miles'), ('fiat', 'Money'), ('crypto', 'Crypto currency'), ('donation', 'Donation'), ('gift_card', 'Gift card')], default='erc20', max_length=10)),
                    ('status', models.CharField(choices=[('active', 'Active'), ('inactive', 'Inactive')], default='active', max_length=10)),
                    ('address', models.CharField(default=ledger.models.tokens.new_address, max_length=42)),
                    ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), default=ledger.models.tokens.everywhere, help_text='ISO 3166 alpha-3; AAA is everywhere.', size=None)),
                    ('onramp', models.DecimalField(blank=True, decimal_places=8, max_digits=24, null=True)),
                    ('offramp', models.DecimalField(blank=True, decimal_places=8, max_digits=24, null=True)),
                    ('metadata', models.JSONField(blank=True, null=True)),
                    ('expiry_unit', models.CharField(choices=[('never', 'never'), ('days', 'days'), ('months', 'months')], default='never', max_length=8)),
                    ('expiry_count', models.PositiveSmallIntegerField(default=0, help_text='Days, or months to whose end points live.')),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('brand', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tokens', to='users.brand')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'id'), name='token_of_brand'), models.UniqueConstraint(fields=('brand', 'address'), name='token_address_once'), models.CheckConstraint(condition=models.Q(('address__regex', '^0x[0-9a-f]{40}$')), name='token_address_form'), models.CheckConstraint(condition=models.Q(models.Q(('expiry_count', 0), ('expiry_unit', 'never')), models.Q(models.Q(('expiry_unit', 'never'), _negated=True), ('expiry_count__gte', 1)), _connector='OR'), name='token_expiry_has_count'), models.CheckConstraint(condition=models.Q(models.Q(('onramp__isnull', True), ('onramp__gt', 0), _connector='OR'), models.Q(('offramp__isnull', True), ('offramp__gt', 0), _connector='OR')), name='token_rates_positive')],
                },
            ),
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('balance', models.BigIntegerField(db_default=0)),
                    ('sequence', models.BigIntegerField(db_default=0, help_text='The number of its last transaction.')),
                    ('floor', models.BigIntegerField(db_default=0, help_text='The balance may not fall below it; 0 unless staff set one.')),
                    ('overdrawn_to', models.BigIntegerField(help_text='The lowest balance to which a forced reversal took it below the floor; null: none did.', null=True)),
                    ('head', models.BinaryField(db_default=b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00', help_text='The hash of its last transaction.', max_length=32)),
                    ('previous_head', models.BinaryField(db_default=b'\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00', help_text='The hash of the one before.', max_length=32)),
                    ('recorded_at', models.DateTimeField(help_text='When its last transaction was recorded.', null=True)),
                    ('next_expiry_at', models.DateTimeField(help_text='Not later than the first open lot lapses; null exactly when no lot is open.', null=True)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.member')),
                    ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                ],
                options={
                    'permissions': [('credit_member', 'Can give points by hand'), ('debit_member', 'Can take points by hand'), ('extend_expiry', 'Can let points lapse later')],
                    'indexes': [models.Index(condition=models.Q(('next_expiry_at__isnull', False)), fields=['next_expiry_at'], name='account_due')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'member', 'token'), name='account_once'), models.UniqueConstraint(fields=('brand', 'id'), name='account_of_brand'), models.CheckConstraint(condition=models.Q(('balance__gte', models.F('floor')), models.Q(('balance__gte', models.F('overdrawn_to')), ('overdrawn_to__isnull', False)), _connector='OR'), name='account_balance_above_floor'), models.CheckConstraint(condition=models.Q(('floor__lte', 0)), name='account_floor_not_positive'), models.CheckConstraint(condition=models.Q(('balance__gt', -9007199254740992), ('balance__lt', 9007199254740992)), name='account_balance_limit'), models.CheckConstraint(condition=models.Q(('sequence__gte', 0)), name='account_sequence_not_negative'), models.CheckConstraint(condition=models.Q(('closed_at__isnull', True), ('balance__lte', 0), _connector='OR'), name='account_closed_is_empty')],
                },
            ),
            migrations.CreateModel(
                name='Transaction',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('sequence', models.BigIntegerField(help_text='1, 2, 3, ... within the account, without a gap.')),
                    ('amount', models.BigIntegerField(help_text='Points; positive credits the account.')),
                    ('balance_after', models.BigIntegerField()),
                    ('type', models.CharField(choices=[('credit_points', 'Credit Points'), ('debit_points', 'Debit Points'), ('reversal', 'Reversal'), ('expiry', 'Expiry'), ('expiry_extension', 'Expiry Extension'), ('closure', 'Closure'), ('merge', 'Merge'), ('points_to_rewards', 'Points To Rewards'), ('points_to_external_rewards', 'Points To External Rewards'), ('exchange', 'Exchange'), ('code_to_points', 'Code To Points'), ('code_to_nft', 'Code To Nft'), ('code_to_external_rewards', 'Code To External Rewards'), ('credit_nft', 'Credit Nft'), ('earn', 'Earn'), ('event', 'Event'), ('nft_personalisation', 'Nft Personalisation')], max_length=30)),
                    ('counterpart', models.CharField(choices=[('issuance', 'Issuance'), ('redemption', 'Redemption'), ('expiry', 'Expiry'), ('exchange_clearing', 'Exchange Clearing'), ('transfer_clearing', 'Transfer Clearing'), ('adjustment', 'Adjustment')], max_length=20)),
                    ('reference_id', models.CharField(help_text="The partner's own; once in the brand, for ever.", max_length=255, null=True)),
                    ('lots', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Pairs: lot, signed points; 0 where its expiry moves.', null=True, size=None)),
                    ('expires_at', models.DateTimeField(help_text='When the lot it opens lapses, or those whose expiry it moves.', null=True)),
                    ('actor', models.CharField(help_text='Who asked: key:<id>, staff:<id>, system.', max_length=60)),
                    ('explanation', models.JSONField(help_text='Why: rule and inputs; nothing personal.', null=True)),
                    ('note_digest', models.BinaryField(help_text='Salted SHA-256 of the free text in its note.', max_length=32, null=True)),
                    ('effective_at', models.DateTimeField(help_text='When it happened in the world.')),
                    ('recorded_at', models.DateTimeField(help_text='When it was posted.')),
                    ('previous_hash', models.BinaryField(max_length=32)),
                    ('hash', models.BinaryField(help_text='SHA-256 over the hash before and every field above.', max_length=32)),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='transactions', to='ledger.account')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('reverses', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='ledger.transaction')),
                ],
                options={
                    'permissions': [('reverse_transaction', 'Can reverse a transaction by hand'), ('export_transactions', 'Can take transactions away as a file')],
                    'indexes': [models.Index(fields=['brand', 'recorded_at', 'id'], name='transaction_newest'), models.Index(fields=['brand', 'type', 'recorded_at', 'id'], name='transaction_of_type'), models.Index(condition=models.Q(('reverses__isnull', False)), fields=['reverses'], name='transaction_reversed'), models.Index(condition=models.Q(('actor__startswith', 'staff:')), fields=['brand', 'actor', 'recorded_at', 'id'], name='transaction_of_staff'), django.contrib.postgres.indexes.HashIndex(fields=['hash'], name='transaction_hash')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount', 0), _negated=True), ('type__in', ['nft_personalisation', 'expiry_extension']), _connector='OR'), name='transaction_amount_nonzero'), models.CheckConstraint(condition=models.Q(models.Q(('type', 'expiry_extension'), _negated=True), models.Q(('amount', 0), ('expires_at__isnull', False), ('lots__isnull', False)), _connector='OR'), name='transaction_extension_names_lots'), models.CheckConstraint(condition=models.Q(('sequence__gte', 1)), name='transaction_sequence_positive'), models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('hash'), 32), django.db.models.lookups.Exact(django.db.models.functions.text.Length('previous_hash'), 32)), name='transaction_hash_length'), models.CheckConstraint(condition=models.Q(('reverses__isnull', False), models.Q(('type', 'reversal'), _negated=True), _connector='OR'), name='transaction_reversal_linked'), models.UniqueConstraint(fields=('brand', 'account', 'sequence'), name='transaction_sequence_once'), models.UniqueConstraint(condition=models.Q(('reference_id__isnull', False)), fields=('brand', 'reference_id'), name='transaction_reference_once')],
                    'triggers': [pgtrigger.compiler.Trigger(name='transaction_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='4e6dba1f800b2cfd5bac109365dd5a8c169ab6ea', operation='UPDATE', pgid='pgtrigger_transaction_no_update_d7260', table='ledger_transaction', when='BEFORE')), pgtrigger.compiler.Trigger(name='transaction_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='a5a6a21851dd87bc13a781b1d24732aae69a1373', operation='DELETE', pgid='pgtrigger_transaction_no_delete_7693a', table='ledger_transaction', when='BEFORE')), pgtrigger.compiler.Trigger(name='transaction_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='d1154cbe6fae39f73510cdc8fe6d87c89439a5ec', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_transaction_no_truncate_4cc07', table='ledger_transaction', when='BEFORE')), pgtrigger.compiler.Trigger(name='transaction_reversal_bound', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."reverses_id" IS NOT NULL)', declare='DECLARE original RECORD; reversed NUMERIC;', func="\n                    SELECT * INTO original FROM ledger_transaction WHERE id = NEW.reverses_id;\n                    SELECT coalesce(sum(amount), 0) INTO reversed FROM ledger_transaction WHERE reverses_id = NEW.reverses_id;\n                    IF original.account_id IS DISTINCT FROM NEW.account_id\n                       OR sign(original.amount) <> -sign(NEW.amount)\n                       OR abs(reversed + NEW.amount) > abs(original.amount) THEN\n                        RAISE EXCEPTION 'a reversal stays within its original' USING ERRCODE = 'check_violation',\n                            CONSTRAINT = 'transaction_reversal_bound';\n                    END IF;\n                    RETURN NEW;\n                ", hash='e5fe778dacef84c2187bafa4ef848b651cd0458c', operation='INSERT', pgid='pgtrigger_transaction_reversal_bound_70336', table='ledger_transaction', when='BEFORE'))],
                },
            ),
            migrations.CreateModel(
                name='ProofRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('subject', models.CharField(choices=[('ledger', 'Ledger: every chain, balance and lot'), ('flows', 'Points by day and open lots, against the ledger'), ('codes', 'Codes by day, against the codes'), ('exchanges', 'Exchanges by day, against the orders')], max_length=10)),
                    ('night', models.DateField(help_text='UTC.')),
                    ('begun_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('accounts', models.BigIntegerField(default=0)),
                    ('rows', models.BigIntegerField(default=0, help_text='Transactions, or rows of a rollup.')),
                    ('faults', models.BigIntegerField(default=0)),
                    ('told', models.JSONField(default=list, help_text='The first faults, in words.')),
                    ('root', models.CharField(blank=True, help_text='A digest over the heads of all chains.', max_length=64)),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'subject', 'night'), name='proof_run_once'), models.CheckConstraint(condition=models.Q(('subject__in', ['ledger', 'flows', 'codes', 'exchanges'])), name='proof_run_subject'), models.CheckConstraint(condition=models.Q(('accounts__gte', 0), ('faults__gte', 0), ('rows__gte', 0)), name='proof_run_not_negative')],
                },
            ),
            migrations.CreateModel(
                name='Tally',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('type', models.CharField(max_length=30)),
                    ('count', models.BigIntegerField()),
                    ('brand', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'type'), name='tally_once'), models.CheckConstraint(condition=models.Q(('count__gt', 0)), name='tally_positive')],
                },
            ),
            migrations.CreateModel(
                name='OpenLots',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('points', models.BigIntegerField()),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                ],
                options={
                    'verbose_name_plural': 'open lots',
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'day'), name='open_lots_once')],
                },
            ),
            migrations.CreateModel(
                name='DailyFlow',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField()),
                    ('type', models.CharField(max_length=30)),
                    ('credits', models.BigIntegerField(help_text='How many rows credited points.')),
                    ('credited_points', models.BigIntegerField()),
                    ('debits', models.BigIntegerField(help_text='How many rows debited points.')),
                    ('debited_points', models.BigIntegerField(help_text='Above 0, as all of these.')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                    ('token', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.token')),
                ],
                options={
                    'indexes': [models.Index(fields=['brand', 'day'], name='daily_flow_of_brand')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'token', 'day', 'type'), name='daily_flow_once'), models.CheckConstraint(condition=models.Q(('credited_points__gte', 0), ('credits__gte', 0), ('debited_points__gte', 0), ('debits__gte', 0)), name='daily_flow_not_negative')],
                },
            ),
            migrations.CreateModel(
                name='Lot',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('sequence', models.BigIntegerField(help_text='The number of the transaction that opened it.')),
                    ('amount', models.BigIntegerField(help_text='Points it was opened with.')),
                    ('remaining', models.BigIntegerField()),
                    ('expires_at', models.DateTimeField(help_text='The first instant at which what remains is gone.')),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='ledger.account')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('remaining__gt', 0)), fields=['account', 'expires_at', 'sequence'], name='lot_open')],
                    'constraints': [models.UniqueConstraint(fields=('brand', 'account', 'sequence'), name='lot_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('remaining__gte', 0), ('remaining__lte', models.F('amount'))), name='lot_within_amount')],
                },
            ),
            migrations.CreateModel(
                name='Note',
                fields=[
                    ('transaction', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='note', serialize=False, to='ledger.transaction')),
                    ('salt', models.BinaryField(default=ledger.models.transactions.new_salt, max_length=32)),
                    ('text', models.TextField()),
                    ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.account')),
                    ('brand', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.brand')),
                ],
                options={
                    'indexes': [models.Index(fields=['account'], name='note_of_account')],
                    'constraints': [models.CheckConstraint(condition=models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('salt'), 32)), name='note_salt_length'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='note_not_empty')],
                    'triggers': [pgtrigger.compiler.Trigger(name='note_no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f4a3c4030da52aa92fcf36ff5cbd68540977af36', operation='UPDATE', pgid='pgtrigger_note_no_update_8a230', table='ledger_note', when='BEFORE'))],
                },
            ),
        ]),
        loyalty.migrating.InstallTriggers(
            model_names=['Transaction', 'Note'],
        ),
    ]
