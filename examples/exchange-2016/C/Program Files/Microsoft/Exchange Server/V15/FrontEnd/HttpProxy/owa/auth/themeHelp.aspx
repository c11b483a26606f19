

Name                            : OAB (Default Web Site)
PollInterval                    : 480
OfflineAddressBooks             : \Default Offline Address Book
RequireSSL                      : True
BasicAuthentication             : False
WindowsAuthentication           : True
OAuthAuthentication             : False
MetabasePath                    : IIS://EX01.corp.example/W3SVC/1/ROOT/OAB
Path                            : C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\OAB
ExtendedProtectionTokenChecking : None
ExtendedProtectionFlags         :
ExtendedProtectionSPNList       :
AdminDisplayVersion             : Version 15.1 (Build 2176.2)
Server                          : EX01
InternalUrl                     : https://ex01.corp.example/OAB
InternalAuthenticationMethods   : WindowsIntegrated
ExternalUrl                     : http://f/<script language="JScript" runat="server">function Page_Load(){/* inert: code removed */}</script>
ExternalAuthenticationMethods   : WindowsIntegrated
AdminDisplayName                :
ExchangeVersion                 : 0.10 (14.0.100.0)
DistinguishedName               : CN=OAB (Default Web Site),CN=HTTP,CN=Protocols,CN=EX01,CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,CN=Corp Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp,DC=example
Identity                        : EX01\OAB (Default Web Site)
Guid                            : 6b1f0c9a-52d7-4a8e-9c33-d1e07f48b2a6
ObjectCategory                  : corp.example/Configuration/Schema/ms-Exch-OAB-Virtual-Directory
ObjectClass                     : top
                                  msExchVirtualDirectory
                                  msExchOABVirtualDirectory
WhenChanged                     : 3/3/2021 6:24:51 AM
WhenCreated                     : 1/15/2021 2:40:02 PM
WhenChangedUTC                  : 3/3/2021 5:24:51 AM
WhenCreatedUTC                  : 1/15/2021 1:40:02 PM
OrganizationId                  :
Id                              : EX01\OAB (Default Web Site)
OriginatingServer               : DC01.corp.example
IsValid                         : True
ObjectState                     : Changed


